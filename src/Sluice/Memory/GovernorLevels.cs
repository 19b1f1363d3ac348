namespace Sluice.Memory;

/// <summary>Sets the level: up at once, down only when it has been better for a while.</summary>
internal static class GovernorLevels
{
    public static void Set(GovernorTurn turn)
    {
        turn.State = turn.State with { Pressure = turn.State.Pressure.With(turn.Sample.Pressure, turn.Now, turn.Options.PressureTime) };
        if (turn.PressureLevel > GovernorLevel.Green)
        {
            turn.State = turn.State with { LastPressure = turn.Now };
        }

        var before = turn.State.Level;
        var seen = turn.SampleLevel;
        var next = seen > before ? seen : Lower(turn, before, seen);
        if (next == before)
        {
            return;
        }

        turn.State = turn.State with { Level = next, BetterSince = null };
        turn.Decide(GovernorVerb.ChangeLevel, null, $"{before} to {next}: {Describe(turn)}");
        if (before == GovernorLevel.Green)
        {
            turn.Decide(GovernorVerb.FreeCaches, null, "what we can do without is given back first");
        }
    }

    private static GovernorLevel Lower(GovernorTurn turn, GovernorLevel level, GovernorLevel seen)
    {
        var (next, isBetter, wait) = level switch
        {
            GovernorLevel.Green => (GovernorLevel.Green, false, TimeSpan.Zero),
            GovernorLevel.Yellow => (GovernorLevel.Green, seen == GovernorLevel.Green && IsCalm(turn), turn.Options.CalmTime),
            GovernorLevel.Orange => IsCalm(turn)
                ? (GovernorLevel.Green, seen == GovernorLevel.Green, turn.Options.CalmTime)
                : (GovernorLevel.Yellow, seen == GovernorLevel.Green, turn.Options.CalmTime),
            _ => (GovernorLevel.Orange, seen < GovernorLevel.Red, turn.Options.KillSettleTime),
        };
        var since = isBetter ? turn.State.BetterSince ?? turn.Now : (TimeSpan?)null;
        if (since != turn.State.BetterSince)
        {
            turn.State = turn.State with { BetterSince = since };
        }

        return since is { } moment && turn.Now - moment >= wait ? next : level;
    }

    private static bool IsCalm(GovernorTurn turn) => turn.Bounds is not { } bounds || turn.Sample.HeadroomBytes >= bounds.Calm;

    private static string Describe(GovernorTurn turn) => FormattableString.Invariant(
        $"{ByteText.Of(turn.Sample.HeadroomBytes)} of {ByteText.Of(turn.Sample.LimitBytes)} are left; some tasks waited for memory {turn.State.Pressure.Some:P0} of the time, all of them {turn.State.Pressure.Full:P0}");
}
