namespace Sluice.Configuration.Overrides;

/// <summary>Listed values: <c>a,b</c> or <c>choice(a,b)</c>.</summary>
internal sealed record ChoiceSweep(IReadOnlyList<OverrideElement> Items) : OverrideSweep
{
    /// <summary>Gets whether it was written with commas only, and may be a list that somebody forgot the brackets of.</summary>
    public bool Simple { get; init; }

    protected override IEnumerable<OverrideElement> Values(Func<IReadOnlyList<string>> options) => Items;
}
