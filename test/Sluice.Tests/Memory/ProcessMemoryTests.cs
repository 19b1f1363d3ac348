using Sluice.Memory;

namespace Sluice.Tests.Memory;

public sealed class ProcessMemoryTests : IDisposable
{
    private readonly FakeMachine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void The_proportional_share_is_read_in_bytes()
    {
        _machine.File("/proc/7/smaps_rollup", "55af-7ffd ---p 00000000 00:00 0    [rollup]\nRss:   1632 kB\nPss:    278 kB\nPss_Anon:   90 kB\n").File("/proc/7/statm", "9 9 9");

        Assert.Equal(278 * 1024, ProcessMemory.Pss(7, _machine.Root));
    }

    [Fact]
    public void The_resident_set_stands_in_where_the_share_is_not_told()
    {
        _machine.File("/proc/7/statm", "1000 300 20 1 0 40 0\n").Forbid("/proc/7/smaps_rollup");

        Assert.Equal(300 * Environment.SystemPageSize, ProcessMemory.Pss(7, _machine.Root));
    }

    [Theory]
    [InlineData("")]
    [InlineData("garbage")]
    [InlineData("1 x")]
    public void Nonsense_is_nothing(string statm) => Assert.Null(ProcessMemory.Pss(7, _machine.File("/proc/7/statm", statm).Root));

    [Fact]
    public void A_process_that_is_gone_has_no_memory() => Assert.Null(ProcessMemory.Pss(7, _machine.Root));

    [Fact]
    public void This_process_has_some()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no /proc on this system");

        Assert.InRange(ProcessMemory.Pss(Environment.ProcessId)!.Value, 5_000_000, 20_000_000_000);
    }
}
