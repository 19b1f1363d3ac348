namespace Sluice.Launching;

/// <summary>The processes of one job: its leader, the leader's session, their descendants, and whoever was seen among them once.</summary>
/// <remarks>One that goes into a session of its own and loses its parent between two looks is found by the mark in its environment.</remarks>
/// <param name="leader">The process that was started.</param>
/// <param name="mark">What stands in the environment of all of them.</param>
internal sealed class ProcessTree(ProcessEntry leader, string mark)
{
    /// <summary>How many strangers are remembered; then they are looked at anew.</summary>
    private const int MostStrangers = 4096;

    private readonly Dictionary<int, ulong> _known = new() { [leader.Id] = leader.Start };
    private readonly HashSet<(int Id, ulong Start)> _strangers = [];

    /// <summary>Gets the process that was started.</summary>
    public ProcessEntry Leader => leader;

    /// <summary>Returns those that are alive.</summary>
    /// <param name="table">All processes.</param>
    /// <param name="withMarked">Whether to look into all environments again, which takes longer; else each is looked into once.</param>
    public List<ProcessEntry> Members(IReadOnlyList<ProcessEntry> table, bool withMarked = false)
    {
        if (_strangers.Count > MostStrangers)
        {
            _strangers.Clear();
        }

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
        || ((withMarked || IsNew(entry)) && ProcessTable.HasInEnvironment(entry.Id, mark));

    // Jobs' leaders have the launcher for a parent, and trees of their own.
    private bool IsNew(ProcessEntry entry) => entry.Start >= leader.Start && entry.Parent != Environment.ProcessId && _strangers.Add((entry.Id, entry.Start));
}
