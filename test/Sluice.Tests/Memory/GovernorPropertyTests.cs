using CsCheck;

namespace Sluice.Tests.Memory;

/// <summary>Whatever happens, the governor keeps its promises: 100,000 histories of a machine and its jobs.</summary>
public sealed class GovernorPropertyTests
{
    [Fact]
    public void Every_history_keeps_what_is_promised()
    {
        var (victims, pauses, starts, standstills) = (0, 0, 0, 0);
        Gen.Int.Sample(seed =>
        {
            var world = new GovernedWorld(seed);
            world.Run(looks: 120);
            Interlocked.Add(ref victims, world.Victims);
            Interlocked.Add(ref pauses, world.Pauses);
            Interlocked.Add(ref starts, world.Starts);
            Interlocked.Add(ref standstills, world.Standstills);
        }, iter: 100_000);

        // Histories in which nothing happens would prove nothing.
        Assert.True(victims > 5_000 && pauses > 5_000 && starts > 100_000 && standstills > 1_000, $"victims {victims}, pauses {pauses}, starts {starts}, looks at a standstill {standstills}");
        TestContext.Current.TestOutputHelper?.WriteLine($"victims {victims}, pauses {pauses}, starts {starts}, looks at a standstill {standstills}");
    }
}
