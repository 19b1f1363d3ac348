namespace Sluice.Memory;

/// <summary>The levels' bounds in bytes of headroom, for one limit.</summary>
/// <param name="Limit">The limit.</param>
/// <param name="Reserve">What is never planned away.</param>
/// <param name="Calm">The headroom from which on there is enough.</param>
/// <param name="Planned">What a plan that rests on sure estimates leaves free.</param>
/// <param name="Yellow">The headroom below which the level is yellow.</param>
/// <param name="Orange">The headroom below which the level is orange.</param>
/// <param name="Red">The headroom below which the level is red.</param>
/// <param name="Black">The headroom below which the level is black.</param>
public readonly record struct GovernorThresholds(long Limit, long Reserve, long Calm, long Planned, long Yellow, long Orange, long Red, long Black)
{
    /// <summary>Computes the bounds.</summary>
    /// <remarks>
    /// Of a small limit the shares are too little to act in, so the reserve widens them: orange is at the reserve, red at half of it. Yellow and calm
    /// lie a fifth, and three fifths, above it: a plan leaves yellow free, and what lies between is time to act in, not memory to work with. A plan
    /// that rests on sure estimates needs little of that time: it leaves orange free, and an eighth of the reserve for what no plan knows, e.g. page tables.
    /// </remarks>
    public static GovernorThresholds Of(long limit, GovernorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        long reserve = Math.Min(Math.Clamp((long)(limit * options.ReserveShare), options.LeastReserve, options.MostReserve), limit / 8);
        var orange = Math.Max((long)(limit * options.OrangeShare), reserve);
        return new GovernorThresholds(
            limit,
            reserve,
            Math.Max((long)(limit * options.CalmShare), reserve * 8 / 5),
            orange + (reserve / 8),
            Math.Max((long)(limit * options.YellowShare), reserve * 6 / 5),
            orange,
            Math.Max((long)(limit * options.RedShare), reserve / 2),
            Math.Max((long)(limit * options.BlackShare), reserve / 5));
    }

    /// <summary>Returns the level of a headroom alone.</summary>
    public GovernorLevel LevelOf(long headroom) => headroom < Black ? GovernorLevel.Black
        : headroom < Red ? GovernorLevel.Red
        : headroom < Orange ? GovernorLevel.Orange
        : headroom < Yellow ? GovernorLevel.Yellow
        : GovernorLevel.Green;
}
