using System.Text.Json;
using Sluice.Caching;
using Sluice.Datasets;
using Sluice.Ledger;
using Sluice.Results;
using Sluice.Sweeps;

namespace Sluice.Recovery;

/// <summary>Finds results, and batches under way, that are all that is left of what was paid for: ledger and cache of their workspace are gone.</summary>
public static class LostResults
{
    /// <summary>Finds them in every sweep of a workspace.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="ledger">The ledger, or null when there is none.</param>
    /// <param name="cache">The cache; an empty one when there is none.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    public static async Task<IReadOnlyList<(string Sweep, Loss Loss)>> FindAsync(Workspace workspace, LedgerStore? ledger, IResponseCache cache, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        var losses = new List<(string, Loss)>();
        foreach (var sweep in SweepManifest.Sweeps(workspace).Order(StringComparer.Ordinal))
        {
            if (await FindAsync(workspace, sweep, ExperimentsIn(workspace, sweep), ledger, cache, cancellationToken).ConfigureAwait(false) is { } loss)
            {
                losses.Add((sweep, loss));
            }
        }

        return losses;
    }

    /// <summary>Keeps in mind the lost results of all sweeps but one, whose command is about to begin: once it has filled ledger and cache, nothing else would tell.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="sweep">The sweep of the command.</param>
    /// <param name="ledger">The ledger.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    /// <returns>What was found.</returns>
    internal static async Task<IReadOnlyList<Loss>> RememberAsync(Workspace workspace, string sweep, LedgerStore ledger, IResponseCache cache, CancellationToken cancellationToken)
    {
        if (!HasResults(workspace, sweep))
        {
            ledger.ForgetLostResults(sweep);
        }

        if (!ledger.IsBlank() || !await cache.IsEmptyAsync(cancellationToken).ConfigureAwait(false))
        {
            return [];
        }

        var others = (await FindAsync(workspace, ledger, cache, cancellationToken).ConfigureAwait(false)).Where(found => found.Sweep != sweep).ToList();
        others.ForEach(found => ledger.RememberLostResults(found.Sweep));
        return others.ConvertAll(found => found.Loss);
    }

    /// <summary>Finds them among the experiments of a sweep; null when there are none, or ledger or cache tell of what was sent.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="sweep">The sweep.</param>
    /// <param name="experiments">Its experiments.</param>
    /// <param name="ledger">The ledger, or null when there is none.</param>
    /// <param name="cache">The cache; an empty one when there is none.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    public static async Task<Loss?> FindAsync(
        Workspace workspace, string sweep, IEnumerable<string> experiments, LedgerStore? ledger, IResponseCache cache, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(experiments);
        ArgumentNullException.ThrowIfNull(cache);
        var files = experiments.Select(name => Path.Combine(workspace.SweepFolder(sweep), name, "results.jsonl")).Where(File.Exists).ToList();
        var isKnown = ledger?.HasLostResults(sweep) == true;
        // Where spools are left, they tell more: the ledger is made again from them.
        var batches = isKnown || Spool.In(workspace.SpoolFolder).Any() ? [] : SweepManifest.BatchesIn(workspace.SweepFolder(sweep));
        if ((files.Count == 0 && batches.Count == 0) || (!isKnown && (ledger?.IsBlank() == false || !await cache.IsEmptyAsync(cancellationToken).ConfigureAwait(false))))
        {
            return null;
        }

        long done = 0;
        foreach (var file in files)
        {
            done += await CountDoneAsync(file, cancellationToken).ConfigureAwait(false);
        }

        if (done == 0)
        {
            return batches.Count == 0 ? null : new Loss(
                $"runs/{sweep} waits for {(batches.Count == 1 ? "a batch" : $"{batches.Count} batches")} ({string.Join(", ", batches.Take(3))}), but cache and ledger of this workspace are gone: nothing is sent",
                $"`sluice adopt` takes in what the provider has. To pay for the answers again, move runs/{sweep} away");
        }

        return new Loss(
            $"runs/{sweep} has {done} finished {(done == 1 ? "result" : "results")}, but the cache and ledger that belong to them are gone: nothing is sent, and the results stay as they are",
            $"`sluice adopt` fetches from the provider what batches have answered; `sluice adopt --results {sweep}` then takes in what the results hold. To pay for the answers again, move runs/{sweep} away");
    }

    /// <summary>Tells whether any experiment of a sweep has a config and results.</summary>
    public static bool HasResults(Workspace workspace, string sweep)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        return ExperimentsIn(workspace, sweep).Any();
    }

    /// <summary>Returns the experiments of a sweep that have a config and results.</summary>
    internal static IEnumerable<string> ExperimentsIn(Workspace workspace, string sweep) => Directory.Exists(workspace.SweepFolder(sweep))
        ? Directory.EnumerateDirectories(workspace.SweepFolder(sweep)).Where(f => File.Exists(Path.Combine(f, "config.yaml")) && File.Exists(Path.Combine(f, "results.jsonl"))).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)
        : [];

    private static async Task<long> CountDoneAsync(string path, CancellationToken cancellationToken)
    {
        long done = 0;
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.SequentialScan);
        await using var _ = file.ConfigureAwait(false);
        using var lines = new LineReader(file, 64 * 1024 * 1024);
        while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            try
            {
                done += ResultHead.Read(lines.Line.Span) is { IsDone: true } ? 1 : 0;
            }
            catch (JsonException)
            {
                // It is no line of ours, and none that could be lost.
            }
        }

        return done;
    }
}
