using Sluice.Caching;

namespace Sluice.Cli.Commands.Cache;

/// <summary>Counts entries that cannot be taken along because they are damaged, and warns of the first ones.</summary>
internal sealed class DamageCount
{
    private const int MostNamed = 20;

    /// <summary>Gets how many there are.</summary>
    public long Count { get; private set; }

    /// <summary>Gets the exit code that they make.</summary>
    public int ExitCode => Count == 0 ? ExitCodes.Done : ExitCodes.Incomplete;

    public void Add(StoredResponse entry)
    {
        if (++Count <= MostNamed)
        {
            Terminal.Warning($"{entry.Key} is left out: {entry.Problem}");
        }
        else if (Count == MostNamed + 1)
        {
            Terminal.Warning("there are more; `sluice cache verify` names them all");
        }
    }
}
