using Sluice.Caching;
using Sluice.Configuration;
using Sluice.Ledger;
using Sluice.Requests;
using Sluice.Sweeps;

namespace Sluice.Recovery;

/// <summary>Finds what <c>runs/</c> tells of and nothing else knows any more: results whose answers the cache has lost, and batches that the ledger has lost.</summary>
/// <remarks>
/// E.g. a result is finished and names the key of its request, and the cache has no answer under that key: it would be paid for again.
/// Whatever else cache and ledger hold does not matter. Results whose answers people have deleted or forgotten are not missed.
/// </remarks>
public static class LostResults
{
    /// <summary>Finds them in every sweep of a workspace.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="ledger">The ledger, or null when there is none.</param>
    /// <param name="cache">The cache; an empty one when there is none.</param>
    /// <param name="isExact">Whether every result is looked at, or the first ones of each experiment.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    public static async Task<IReadOnlyList<(string Sweep, Loss Loss)>> FindAsync(
        Workspace workspace, LedgerStore? ledger, IResponseCache cache, bool isExact = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        var losses = new List<(string, Loss)>();
        foreach (var sweep in SweepManifest.Sweeps(workspace).Order(StringComparer.Ordinal))
        {
            if (await FindAsync(workspace, sweep, ExperimentsIn(workspace, sweep), ledger, cache, isExact, cancellationToken).ConfigureAwait(false) is { } loss)
            {
                losses.Add((sweep, loss));
            }
        }

        return losses;
    }

    /// <summary>Finds them among the experiments of a sweep; null when there are none.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="sweep">The sweep.</param>
    /// <param name="experiments">Its experiments.</param>
    /// <param name="ledger">The ledger, or null when there is none.</param>
    /// <param name="cache">The cache; an empty one when there is none.</param>
    /// <param name="isExact">Whether every result is looked at, or the first ones of each experiment.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    public static async Task<Loss?> FindAsync(
        Workspace workspace, string sweep, IEnumerable<string> experiments, LedgerStore? ledger, IResponseCache cache, bool isExact = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(experiments);
        ArgumentNullException.ThrowIfNull(cache);
        long lost = 0;
        foreach (var name in experiments)
        {
            var folder = Path.Combine(workspace.SweepFolder(sweep), name);
            lost += ledger?.AreForgotten(sweep, name) != true && IsKept(folder)
                ? await FinishedKeys.CountLostAsync(Path.Combine(folder, "results.jsonl"), cache, ledger, isExact, cancellationToken).ConfigureAwait(false) : 0;
        }

        return lost > 0 ? OfResults(sweep, lost) : MissedBatches(workspace, sweep, ledger) is { Count: > 0 } batches ? OfBatches(sweep, batches) : null;
    }

    /// <summary>What there is to say of finished results whose answers are lost.</summary>
    internal static Loss OfResults(string sweep, long lost) => new(
        $"runs/{sweep} has {lost} finished {(lost == 1 ? "result" : "results")} whose answers the cache has lost",
        $"`sluice adopt` fetches from the provider what batches have answered; `sluice adopt --results {sweep}` then takes in what the results hold. To pay for the answers again, move runs/{sweep} away, or say `sluice doctor --forget`");

    /// <summary>Keeps in mind which batches of the manifests the ledger has lost: a manifest that is written anew would not tell any more.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="ledger">The ledger.</param>
    /// <param name="sweep">Whose manifest; null for all.</param>
    public static void Remember(Workspace workspace, LedgerStore ledger, string? sweep = null)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(ledger);
        foreach (var one in sweep is null ? SweepManifest.Sweeps(workspace) : [sweep])
        {
            ledger.MissBatches(one, LostBatches(workspace, one, ledger));
        }
    }

    /// <summary>Misses no batch of the manifests any longer, since people do not.</summary>
    public static void ForgetBatches(Workspace workspace, LedgerStore ledger)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(ledger);
        foreach (var sweep in SweepManifest.Sweeps(workspace))
        {
            // Also those that are still known: the ledger is about to forget them, too.
            ledger.MissBatches(sweep, SweepManifest.BatchesIn(workspace.SweepFolder(sweep)));
        }

        ledger.ForgetMissed();
    }

    /// <summary>Notes that nothing of what the results of a workspace rest on is missed from now on, since people delete it.</summary>
    public static void Forget(Workspace workspace, LedgerStore ledger)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(ledger);
        ledger.ForgetResults([.. SweepManifest.Sweeps(workspace).SelectMany(sweep => ExperimentsIn(workspace, sweep).Select(name => (sweep, name)))]);
    }

    /// <summary>Notes that nothing is missed of what some results rest on, since people delete a part of it.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="ledger">The ledger.</param>
    /// <param name="isDeleted">Tells which answers they delete.</param>
    /// <param name="cancellationToken">Ends the look; nothing is noted then.</param>
    public static async Task ForgetAsync(Workspace workspace, LedgerStore ledger, Func<RequestKey, bool> isDeleted, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(ledger);
        var concerned = new List<(string Sweep, string Experiment)>();
        foreach (var sweep in SweepManifest.Sweeps(workspace))
        {
            foreach (var name in ExperimentsIn(workspace, sweep).Where(name => !ledger.AreForgotten(sweep, name)))
            {
                var lines = FinishedKeys.ReadAsync(Path.Combine(workspace.SweepFolder(sweep), name, "results.jsonl"), cancellationToken);
                if (await lines.AnyAsync((keys, _) => ValueTask.FromResult(keys.Any(isDeleted)), cancellationToken).ConfigureAwait(false))
                {
                    concerned.Add((sweep, name));
                }
            }
        }

        ledger.ForgetResults(concerned);
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

    /// <summary>Tells whether the answers that the results in a folder rest on were stored to stay. What is not kept, or only for a time, cannot be lost.</summary>
    internal static bool IsKept(string folder)
    {
        try
        {
            var path = Path.Combine(folder, "config.yaml");
            return !File.Exists(path) || ConfigFile.Read(path, "/") is not { } config || !config.TryGet("cache", out var node) || node is not ConfigMapping cache
                || ((!cache.TryGet("write", out var write) || write is not ConfigScalar { Type: ScalarKind.Boolean, Boolean: false })
                    && (!cache.TryGet("backend", out var backend) || backend is not ConfigScalar { Text: var kind } || !(kind == CacheSettings.Memory || (kind == CacheSettings.Redis && Expires(cache)))));
        }
        catch (ConfigException)
        {
            // Nothing says that they were not.
            return true;
        }
    }

    /// <summary>Tells whether Redis lets answers go when they have the age; other stores keep them.</summary>
    private static bool Expires(ConfigMapping cache) => cache.TryGet("expiry", out var expiry) && expiry is not ConfigScalar { Type: ScalarKind.Null };

    /// <summary>Returns the batches that a sweep waits for and the ledger does not know.</summary>
    internal static IReadOnlyList<string> MissedBatches(Workspace workspace, string sweep, LedgerStore? ledger)
    {
        if (ledger is null)
        {
            // The ledger is made again from the spools, and a batch is found by them.
            return Spool.In(workspace.SpoolFolder).Any() ? [] : SweepManifest.BatchesIn(workspace.SweepFolder(sweep));
        }

        // A spool that was left, and whose batch is looked for, may be of the very one.
        return ledger.Open().Any(i => i.IsRestored && i.BatchId is null && i.IsInDoubt) || ledger.UnknownSpools(workspace.SpoolFolder).Count > 0
            ? [] : [.. LostBatches(workspace, sweep, ledger).Union(ledger.MissedBatches(sweep))];
    }

    private static List<string> LostBatches(Workspace workspace, string sweep, LedgerStore ledger) =>
        [.. SweepManifest.BatchesIn(workspace.SweepFolder(sweep)).Where(batch => ledger.IsStranger(sweep, batch))];

    private static Loss OfBatches(string sweep, IReadOnlyList<string> batches) => new(
        $"runs/{sweep} waits for {(batches.Count == 1 ? "a batch" : $"{batches.Count} batches")} ({string.Join(", ", batches.Take(3))}) that the ledger has lost",
        $"`sluice adopt` takes in what the provider has; where it says that a batch has not ended, adopt again then. To pay for the answers again, move runs/{sweep} away, or say `sluice doctor --forget`");
}
