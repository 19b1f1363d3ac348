using System.Text;
using System.Text.Json;
using Sluice.Caching;
using Sluice.Ledger;
using Sluice.Requests;

namespace Sluice.Journeys;

/// <summary>Looks at what a power cut has left with the library itself: it opens, what the ledger calls ingested is in the cache, what it calls sealed can be sent, and what was sent is known.</summary>
internal sealed class CrashCheck
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private readonly Dictionary<string, byte[]> _spools = [];
    private readonly bool _isJsonl;

    /// <param name="log">Tells what each batch asked for.</param>
    /// <param name="isJsonl">Whether the cache is in JSONL files.</param>
    public CrashCheck(IReadOnlyList<WriteEntry> log, bool isJsonl)
    {
        _isJsonl = isJsonl;
        foreach (var entry in log.Where(e => e.Kind == WriteKind.Write && e.Path.StartsWith(".sluice/spool/", StringComparison.Ordinal) && e.Path.EndsWith(".jsonl", StringComparison.Ordinal)))
        {
            var id = Path.GetFileNameWithoutExtension(entry.Path);
            var before = _spools.GetValueOrDefault(id, []);
            var after = new byte[Math.Max(before.Length, entry.Offset + entry.Bytes.Length)];
            before.CopyTo(after, 0);
            entry.Bytes.Span.CopyTo(after.AsSpan((int)entry.Offset));
            _spools[id] = after;
        }

        Assert.NotEmpty(_spools);
    }

    /// <summary>Gets how many closed batches were looked at so far: a check that never meets one proves nothing.</summary>
    public int Ingested { get; private set; }

    /// <summary>Says what is wrong with a workspace, or null.</summary>
    public async Task<string?> ProblemAsync(string workspace, CrashState state)
    {
        try
        {
            return ProblemOfRuns(state) ?? await ProblemOfStoresAsync(Path.Combine(workspace, ".sluice"), state);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // Whatever it is: a command would have ended with it.
            return $"{error.GetType().Name}: {error.Message}";
        }
    }

    /// <summary>Files that are replaced are as they were or as they are, and the manifest is there before anything is sent.</summary>
    private static string? ProblemOfRuns(CrashState state)
    {
        if (state.Sent > 0 && !state.Files.ContainsKey("runs/s/manifest.json"))
        {
            return "the manifest of a sweep that has sent something is gone";
        }

        foreach (var (path, bytes) in state.Files.Where(f => f.Key.StartsWith("runs/", StringComparison.Ordinal) || f.Key == ".sluice/cache.json"))
        {
            foreach (var json in path.EndsWith(".json", StringComparison.Ordinal) ? (string[])[Encoding.UTF8.GetString(bytes)]
                : path.EndsWith(".jsonl", StringComparison.Ordinal) ? Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries) : [])
            {
                try
                {
                    JsonDocument.Parse(json).Dispose();
                }
                catch (JsonException error)
                {
                    return $"{path}: {error.Message}";
                }
            }
        }

        return null;
    }

    private async Task<string?> ProblemOfStoresAsync(string folder, CrashState state)
    {
        var path = Path.Combine(folder, "ledger.db");
        if (!File.Exists(path))
        {
            return state.Sent > 0 ? $"{state.Sent} batches were sent, and there is no ledger" : null;
        }

        var spoolFolder = Path.Combine(folder, "spool");
        using var ledger = new LedgerStore(path, Time);
        var intents = ledger.Latest(100_000);
        if (intents.Sum(i => i.Attempt) < state.Sent)
        {
            return $"{state.Sent} batches were sent, and the ledger knows of {intents.Sum(i => i.Attempt)}";
        }

        foreach (var intent in intents.Where(i => i.IsOpen && i.State != IntentState.Spooling))
        {
            var lines = Spool.PathOf(spoolFolder, intent.Id);
            var there = File.Exists(lines) ? await File.ReadAllBytesAsync(lines) : [];
            if (!there.AsSpan().SequenceEqual(_spools[intent.Id]))
            {
                return $"the lines of {intent.Id} ({intent.State}) are not what was written";
            }

            if ((Spool.Check(spoolFolder, intent) ?? (Spool.Read(spoolFolder, intent.Id) is null ? "there is no note" : null)) is { } problem)
            {
                return $"{intent.Id} ({intent.State}): {problem}";
            }
        }

        ledger.SweepDead(spoolFolder);
        if (ledger.UnknownSpools(spoolFolder) is [var unknown, ..])
        {
            return $"the ledger does not know the spool {unknown}";
        }

        return await ProblemOfCacheAsync(folder, intents.Where(i => i.State == IntentState.Ingested));
    }

    private async Task<string?> ProblemOfCacheAsync(string folder, IEnumerable<Intent> ingested)
    {
        ICacheStore opened = _isJsonl
            ? new JsonlResponseCache(Path.Combine(folder, "cache"), Time, static _ => { })
            : new SqliteResponseCache(Path.Combine(folder, "cache.db"), Time);
        await using var cache = opened;
        foreach (var intent in ingested)
        {
            var keys = KeysOf(_spools[intent.Id]);
            var found = new CachedResponse?[keys.Length];
            await cache.GetAsync(keys, found);
            if (found.Count(response => response is null) is > 0 and var missing)
            {
                return $"{missing} of {keys.Length} answers of {intent.Id} are missing, which the ledger calls ingested";
            }

            Ingested++;
        }

        return null;
    }

    private static RequestKey[] KeysOf(ReadOnlySpan<byte> spool)
    {
        var keys = new List<RequestKey>();
        foreach (var line in spool.Split((byte)'\n'))
        {
            if (!spool[line].IsEmpty)
            {
                keys.Add(Spool.KeyOf(spool[line]));
            }
        }

        return [.. keys];
    }
}
