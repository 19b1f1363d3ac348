using System.Globalization;
using Sluice.Memory;

namespace Sluice.Tests.Memory;

/// <summary>Machines as they are in the field, each with the numbers that hold there.</summary>
public sealed class MachineFileTests
{
    public static TheoryData<string> All => [.. MachineFile.Names];

    [Theory]
    [MemberData(nameof(All))]
    public void The_probe_finds_what_holds_there(string name)
    {
        var file = MachineFile.Read(name);
        using FakeMachine machine = file.Build();
        MemorySample sample = machine.Sample();

        foreach ((string what, string expected) in file.Expectations)
        {
            if (what == "note")
            {
                Assert.Contains(sample.Notes, note => note.Contains(expected));
            }
            else
            {
                Assert.Equal((what, expected), (what, Found(sample, what, expected)));
            }
        }

        Assert.Equal(file.Expectations.Count(e => e.Name == "note"), sample.Notes.Count);
        Assert.DoesNotContain(sample.Notes, note => note.Contains(machine.Root));
    }

    [Fact]
    public void There_are_many_and_each_says_the_essentials()
    {
        Assert.InRange(MachineFile.Names.Count(), 50, 1000);
        Assert.All(MachineFile.Names, name => Assert.Equal(
            ["version", "limit", "usage", "headroom", "binding"], MachineFile.Read(name).Expectations.Take(5).Select(e => e.Name)));
    }

    private static string Found(MemorySample sample, string what, string expected) => what switch
    {
        "version" => sample.Version.ToString().ToLowerInvariant(),
        "limit" => Number(sample.LimitBytes),
        "usage" => Number(sample.UsageBytes),
        "headroom" => Number(sample.HeadroomBytes),
        "binding" => sample.BindingLevel,
        "kills" => Number(sample.OomKills),
        "machine_kills" => Number(sample.HostOomKills),
        "pressure" => sample.Pressure is { } p
            ? string.Create(CultureInfo.InvariantCulture, $"{p.SomeAverage10} {p.FullAverage10} {p.SomeTotal.TotalMicroseconds} {p.FullTotal.TotalMicroseconds}")
            : "none",
        "throttled" => sample.Levels.Single(l => l.Throttled).Path,
        "peak" => Level(sample, expected, l => Number(l.PeakBytes)),
        "swap" => Level(sample, expected, l => $"{Number(l.SwapLimitBytes)} {Number(l.SwapUsageBytes)}"),
        "level" => Level(sample, expected, l => $"{Number(l.LimitBytes)} {Number(l.UsageBytes)} {Number(l.ReclaimableBytes)} {Number(l.HeadroomBytes)}"),
        _ => throw new ArgumentOutOfRangeException(nameof(what), what, "no such expectation"),
    };

    private static string Level(MemorySample sample, string expected, Func<MemoryLevel, string> describe)
    {
        MemoryLevel level = sample.Levels.Single(l => l.Path == expected.Split(' ')[0]);
        return $"{level.Path} {describe(level)}";
    }

    private static string Number(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "none";
}
