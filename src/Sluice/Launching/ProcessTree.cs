namespace Sluice.Launching;

/// <summary>The processes of one job: its leader, the leader's session, their descendants, and whoever was seen among them once.</summary>
/// <remarks>One that goes into a session of its own and loses its parent between two looks is found by the mark in its environment.</remarks>
/// <param name="leader">The process that was started.</param>
/// <param name="mark">What stands in the environment of all of them.</param>
internal sealed class ProcessTree(ProcessEntry leader, string mark)
{
    private readonly Dictionary<int, ulong> _known = new() { [leader.Id] = leader.Start };

    /// <summary>Gets the process that was started.</summary>
    public ProcessEntry Leader => leader;

    /// <summary>Returns those that are alive.</summary>
    /// <param name="table">All processes.</param>
    /// <param name="withMarked">Whether to look into the environments too, which takes longer.</param>
    public List<ProcessEntry> Members(IReadOnlyList<ProcessEntry> table, bool withMarked = false)
    {
        var members = new HashSet<int>();
        var grown = true;
        while (grown)
        {
            grown = false;
            foreach (var entry in table)
            {
                if (!members.Contains(entry.Id) && IsOurs(entry, members, withMarked))
                {
                    members.Add(entry.Id);
                    grown = true;
                }
            }

            withMarked = false;
        }

        _known.Clear();
        _known[leader.Id] = leader.Start;
        var alive = new List<ProcessEntry>();
        foreach (var entry in table)
        {
            if (members.Contains(entry.Id))
            {
                _known[entry.Id] = entry.Start;
                if (entry.IsAlive)
                {
                    alive.Add(entry);
                }
            }
        }

        return alive;
    }

    private bool IsOurs(ProcessEntry entry, HashSet<int> members, bool withMarked) =>
        (_known.TryGetValue(entry.Id, out var start) && start == entry.Start)
        || (entry.Session == leader.Id && entry.Start >= leader.Start)
        || members.Contains(entry.Parent)
        || (withMarked && ProcessTable.HasInEnvironment(entry.Id, mark));
}
