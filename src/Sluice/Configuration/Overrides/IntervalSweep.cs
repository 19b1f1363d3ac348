namespace Sluice.Configuration.Overrides;

/// <summary>All numbers between two: <c>interval(0,1)</c>, which only other sweepers can use.</summary>
internal sealed record IntervalSweep(double Start, double End) : OverrideSweep
{
    protected override IEnumerable<OverrideElement> Values(Func<IReadOnlyList<string>> options) =>
        throw new ConfigException(ConfigErrorKind.Composition, SourceMark.CommandLine,
            "BasicSweeper does not support sweep type : INTERVAL_SWEEP", "list the values, or use range(start,stop,step)");
}
