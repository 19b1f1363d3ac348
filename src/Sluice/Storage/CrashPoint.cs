using System.Diagnostics;

namespace Sluice.Storage;

/// <summary>Named places at which tests kill the program: before and after each durable write, rename and provider call.</summary>
/// <remarks>Only the build configuration <c>Crash</c> has them: everywhere else the calls and their arguments are compiled to nothing.</remarks>
public static class CrashPoint
{
#if CRASH_POINTS
    /// <summary>Gets or sets what happens at each point; null for nothing.</summary>
    public static Action<string>? Handler { get; set; }
#endif

    /// <summary>Marks a place, e.g. <c>ledger.seal.after</c>.</summary>
    [Conditional("CRASH_POINTS")]
    public static void Hit(string name)
    {
#if CRASH_POINTS
        Handler?.Invoke(name);
#endif
    }
}
