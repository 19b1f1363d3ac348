#if CRASH_POINTS
using System.Diagnostics;
using System.Globalization;
using Sluice.Storage;

namespace Sluice.Cli;

/// <summary>Kills this process at a named crash point: SIGKILL, as from outside. Only in the build configuration <c>Crash</c>.</summary>
internal static class Crashes
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, int> Hits = [];

    /// <summary>Reads <c>SLUICE_CRASH_AT=point#2</c> (the second hit of a point) and <c>SLUICE_CRASH_LOG</c> (a file that receives every point hit).</summary>
    public static void Arm()
    {
        var (point, hit) = Environment.GetEnvironmentVariable("SLUICE_CRASH_AT")?.Split('#') is [var name, var number]
            ? (name, int.Parse(number, CultureInfo.InvariantCulture))
            : ("", 0);
        var log = Environment.GetEnvironmentVariable("SLUICE_CRASH_LOG");
        CrashPoint.Handler = reached =>
        {
            lock (Gate)
            {
                var hits = Hits[reached] = Hits.GetValueOrDefault(reached) + 1;
                if (log is not null)
                {
                    File.AppendAllText(log, $"{reached}#{hits.ToString(CultureInfo.InvariantCulture)}\n");
                }

                if (reached == point && hits == hit)
                {
                    Process.GetCurrentProcess().Kill();
                    // The signal comes to another thread first: nothing more may happen on this one.
                    using var never = new ManualResetEventSlim();
                    never.Wait();
                }
            }
        };
    }
}
#endif
