namespace Sluice.Simulator.Storage;

/// <summary>Reads the clock as the seconds that OpenAI's objects hold.</summary>
internal static class UnixTime
{
    public static long UnixSeconds(this TimeProvider time) => time.GetUtcNow().ToUnixTimeSeconds();
}
