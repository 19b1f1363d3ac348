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

    /// <summary>Kills all that bear a mark, and those that leaders of ours have below them, until there are none.</summary>
    /// <param name="mark">The mark.</param>
    /// <param name="leaders">Jobs' leaders by number and start; a number that is another's by now has another start.</param>
    public static void KillAll(string mark, IReadOnlyList<(int Id, ulong Start)> leaders)
    {
        var trees = leaders
            .Select(leader => ProcessTable.Find(leader.Id) is { } entry && entry.Start == leader.Start ? new ProcessTree(entry, $"{Variable}={mark}:") : null)
            .OfType<ProcessTree>()
            .ToList();
        var text = $"{Variable}={mark}:";
        for (var pass = 0; pass < ChildProcess.MostPasses; pass++)
        {
            var found = false;
            var table = ProcessTable.Read();
            var below = trees.SelectMany(tree => tree.Members(table)).Select(entry => entry.Id).ToHashSet();
            foreach (var entry in table)
            {
                if (entry.IsAlive && entry.Id != Environment.ProcessId && (below.Contains(entry.Id) || ProcessTable.HasInEnvironment(entry.Id, text)))
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
