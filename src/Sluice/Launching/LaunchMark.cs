using System.Security.Cryptography;

namespace Sluice.Launching;

/// <summary>What a launcher puts into the environment of its children, so that none of them is lost, whoever their parent is by then.</summary>
internal static class LaunchMark
{
    public const string Variable = "SLUICE_LAUNCH";

    /// <summary>Makes the mark of one launcher.</summary>
    public static string New() => RandomNumberGenerator.GetHexString(20, lowercase: true);

    /// <summary>Returns the variable's value for a job.</summary>
    public static string Of(string mark, int job) => FormattableString.Invariant($"{mark}:{job}:");

    /// <summary>Kills all that bear a mark, until there are none.</summary>
    public static void KillAll(string mark)
    {
        var text = $"{Variable}={mark}:";
        for (var pass = 0; pass < ChildProcess.MostPasses; pass++)
        {
            var found = false;
            foreach (var entry in ProcessTable.Read())
            {
                if (entry.IsAlive && entry.Id != Environment.ProcessId && ProcessTable.HasInEnvironment(entry.Id, text))
                {
                    Signals.Send(entry.Id, Signals.Kill);
                    found = true;
                }
            }

            if (!found)
            {
                return;
            }
        }
    }
}
