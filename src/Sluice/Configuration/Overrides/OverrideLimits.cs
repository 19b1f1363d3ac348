namespace Sluice.Configuration.Overrides;

/// <summary>What an override may be at most, so that a hostile or mistaken one is refused quickly.</summary>
internal static class OverrideLimits
{
    /// <summary>Characters of one override.</summary>
    public const int Characters = 64 * 1024;

    /// <summary>Values of one sweep.</summary>
    public const int SweepValues = 1_000_000;
}
