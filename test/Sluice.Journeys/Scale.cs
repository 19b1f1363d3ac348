namespace Sluice.Journeys;

/// <summary>How much is tried: a little with <c>./test.sh --quick</c> (SLUICE_QUICK=1), much more with SLUICE_LONG=1.</summary>
internal static class Scale
{
    public static int Of(int quick, int usual, int full) =>
        Environment.GetEnvironmentVariable("SLUICE_LONG") == "1" ? full
        : Environment.GetEnvironmentVariable("SLUICE_QUICK") == "1" ? quick
        : usual;
}
