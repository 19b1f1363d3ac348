using Sluice.Memory;
using static Sluice.Tests.Memory.FakeMachine;

namespace Sluice.Tests.Memory;

/// <summary>A limit outside of what can be seen is told by hand.</summary>
public sealed class GivenLimitTests : IDisposable
{
    private const string Mount = "/sys/fs/cgroup";
    private readonly FakeMachine _machine = new FakeMachine().Host(total: 16, available: 12);

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void It_counts_with_the_usage_of_the_outermost_group() =>
        Expect(_machine.Group("0::/job").Mount("cgroup2").V2(Mount, current: 900, inactive: 100).V2(Mount + "/job", max: 4096, current: 50), 1000, "given", 1000, 200);

    [Fact]
    public void Without_groups_it_counts_with_the_machines_usage() => Expect(_machine, 5 * 1024, "given", 5 * 1024, 1024);

    [Fact]
    public void A_tighter_one_that_can_be_seen_still_binds() =>
        Expect(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 100, current: 90), 1000, Mount, 100, 10);

    [Fact]
    public void Where_nothing_else_is_known_it_is_shown_and_binds_nothing()
    {
        using var empty = new FakeMachine();
        MemorySample sample = new MemoryProbe(empty.Root, givenLimit: GiB).Sample();

        Assert.Equal((GiB, null, "unknown"), (sample.LimitBytes!.Value, sample.HeadroomBytes, sample.BindingLevel));
    }

    private static void Expect(FakeMachine machine, long given, string level, long limit, long headroom)
    {
        MemorySample sample = new MemoryProbe(machine.Root, given * MiB).Sample();
        Assert.Equal((level, limit * MiB, headroom * MiB), (sample.BindingLevel, sample.LimitBytes, sample.HeadroomBytes));
        Assert.Equal("given", sample.Levels[^1].Path);
    }
}
