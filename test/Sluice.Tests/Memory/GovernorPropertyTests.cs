namespace Sluice.Tests.Memory;

/// <summary>Whatever happens, the governor keeps its promises: 100,000 histories of a machine and its jobs, the same ones each time.</summary>
public sealed class GovernorPropertyTests
{
    private const int Histories = 100_000;

    [Fact]
    public void Every_history_keeps_what_is_promised()
    {
        var (victims, pauses, starts, standstills) = (0, 0, 0, 0);
        var first = int.Parse(Environment.GetEnvironmentVariable("SLUICE_FIRST_HISTORY") ?? "0", System.Globalization.CultureInfo.InvariantCulture);

        // One after the other: Parallel.For takes all threads that tests have, and whoever waits beside it for a connection waits too long. It is no quicker here.
        for (int number = first; number < first + Histories; number++)
        {
            var world = new GovernedWorld(Seed(number));
            try
            {
                world.Run(looks: 120);
            }
            catch (InvalidOperationException broken)
            {
                throw new InvalidOperationException($"history {number}: {broken.Message}", broken);
            }

            victims += world.Victims;
            pauses += world.Pauses;
            starts += world.Starts;
            standstills += world.Standstills;
        }

        // Histories in which nothing happens would prove nothing.
        Assert.True(victims > 5_000 && pauses > 5_000 && starts > 100_000 && standstills > 1_000, $"victims {victims}, pauses {pauses}, starts {starts}, looks at a standstill {standstills}");
        TestContext.Current.TestOutputHelper?.WriteLine($"victims {victims}, pauses {pauses}, starts {starts}, looks at a standstill {standstills}");
    }

    [Theory]
    [InlineData(-136031)] // a killed job stuck in the kernel while all others are paused
    public void Histories_that_were_hard_stay_kept(int seed) => new GovernedWorld(seed).Run(looks: 120);

    // Neighbouring seeds give a random generator neighbouring first numbers, so they are spread out.
    private static int Seed(int number) => unchecked((int)(number * 2654435761L));
}
