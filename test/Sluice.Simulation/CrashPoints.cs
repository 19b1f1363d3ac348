namespace Sluice.Simulation;

/// <summary>Lets processes die and stand still between two writes; only a build of the configuration <c>Crash</c> has such points.</summary>
internal static class CrashPoints
{
#if CRASH_POINTS
    public const bool AreThere = true;
#else
    public const bool AreThere = false;
#endif

    public static void Watch()
    {
#if CRASH_POINTS
        Sluice.Storage.CrashPoint.Handler = point => SimProcess.Current?.Hit(point);
#endif
    }
}
