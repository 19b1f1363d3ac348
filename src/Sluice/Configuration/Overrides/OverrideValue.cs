namespace Sluice.Configuration.Overrides;

/// <summary>What stands after <c>=</c>: one value, or a sweep over several.</summary>
internal abstract record OverrideValue;

/// <summary>One value.</summary>
internal abstract record OverrideElement : OverrideValue
{
    /// <summary>Gets the text that Hydra writes for the value in a job's overrides.</summary>
    public abstract string JobText { get; }

    /// <summary>Gives the value as a node; <c>${...}</c> stays text.</summary>
    public abstract ConfigNode ToNode();

    /// <summary>Gives the same value with every text in quotes.</summary>
    public abstract OverrideElement Quoted();
}
