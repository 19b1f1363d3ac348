namespace Sluice.Configuration.Overrides;

/// <summary>Several values, one of which each job gets.</summary>
internal abstract record OverrideSweep : OverrideValue
{
    /// <summary>Gets the text that fixes the order of a shuffled sweep, or null to keep the order.</summary>
    public string? ShuffleSeed { get; init; }

    /// <summary>Gives the values in the order of the jobs.</summary>
    /// <param name="options">Gives the sorted options of the key's group.</param>
    /// <exception cref="ConfigException">The values cannot be listed, or are too many.</exception>
    public IEnumerable<OverrideElement> Elements(Func<IReadOnlyList<string>> options) =>
        ShuffleSeed is null ? Values(options) : SeededShuffle.Of([.. Values(options)], ShuffleSeed);

    protected abstract IEnumerable<OverrideElement> Values(Func<IReadOnlyList<string>> options);
}
