namespace Sluice.Memory;

/// <summary>Decides what happens to jobs, and to our own work, when memory gets scarce.</summary>
/// <remarks>
/// A pure function: it reads no clock, touches no process and keeps nothing. Whoever drives it takes a sample, calls <see cref="Look"/>, does
/// what the decisions say, and looks again after the time that it names. It acts on jobs alone that it has started itself.
/// </remarks>
public static class Governor
{
    /// <summary>Takes one look.</summary>
    /// <param name="state">The state that the last look left.</param>
    /// <param name="sample">What there is now.</param>
    /// <param name="now">The time since any moment, the same for all looks; it never runs backwards.</param>
    /// <param name="options">At what to act.</param>
    public static GovernorStep Look(GovernorState state, GovernorSample sample, TimeSpan now, GovernorOptions options)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(options);
        var turn = new GovernorTurn(state, sample, now, options);
        GovernorReadings.Take(turn);
        GovernorLevels.Set(turn);
        GovernorRelief.Give(turn);
        GovernorRecovery.Resume(turn);
        GovernorAdmission.Start(turn);
        return turn.End();
    }
}
