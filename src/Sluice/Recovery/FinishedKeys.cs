using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Sluice.Caching;
using Sluice.Datasets;
using Sluice.Ledger;
using Sluice.Requests;

namespace Sluice.Recovery;

/// <summary>Reads the finished lines of results: each names the keys of the answers that it rests on. Holds them against the cache.</summary>
internal static class FinishedKeys
{
    private const int MaxLineBytes = 64 * 1024 * 1024;
    private const int GroupSize = 256;

    // A whole cache, or all answers of an experiment, are lost far more often than single ones.
    private const int FirstLines = 4;

    /// <summary>Counts the finished lines of a file that rest on an answer which the cache does not have, of whatever age, and no open batch will bring; 0 when there is no file.</summary>
    /// <param name="path">The results.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="ledger">The ledger, or null when there is none.</param>
    /// <param name="isExact">Whether all lines are looked at, or the rest only when one of the first lacks an answer.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    public static async Task<long> CountLostAsync(string path, IResponseCache cache, LedgerStore? ledger, bool isExact, CancellationToken cancellationToken)
    {
        var group = new List<RequestKey[]>(GroupSize);
        long lost = 0;
        var size = isExact ? GroupSize : FirstLines;
        await foreach (var keys in ReadAsync(path, cancellationToken).ConfigureAwait(false))
        {
            group.Add(keys);
            if (group.Count == size)
            {
                lost += await CountLostAsync(group, cache, ledger, cancellationToken).ConfigureAwait(false);
                group.Clear();
                if (lost == 0 && !isExact)
                {
                    return 0;
                }

                size = GroupSize;
            }
        }

        return lost + await CountLostAsync(group, cache, ledger, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives the keys of each finished line of a file; none when there is no file.</summary>
    public static async IAsyncEnumerable<RequestKey[]> ReadAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            yield break;
        }

        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.SequentialScan);
        await using var _ = file.ConfigureAwait(false);
        using var lines = new LineReader(file, MaxLineBytes);
        while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (KeysOf(lines.Line) is { } keys)
            {
                yield return keys;
            }
        }
    }

    private static async Task<long> CountLostAsync(List<RequestKey[]> group, IResponseCache cache, LedgerStore? ledger, CancellationToken cancellationToken)
    {
        var keys = group.SelectMany(line => line).ToArray();
        var found = new CachedResponse?[keys.Length];
        await cache.GetAsync(keys, found, cancellationToken: cancellationToken).ConfigureAwait(false);
        var (lost, next) = (0L, 0);
        foreach (var line in group)
        {
            var first = next;
            next += line.Length;
            // E.g. a power cut has taken answers of a batch that is still open: its results are read again.
            lost += line.Where((key, i) => found[first + i] is null && ledger?.Find(key).Standing != Standing.InFlight).Any() ? 1 : 0;
        }

        return lost;
    }

    /// <summary>Returns the keys of a finished line; null when it is another line.</summary>
    private static RequestKey[]? KeysOf(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.GetProperty("status").ValueEquals("done")
                ? [.. document.RootElement.GetProperty("steps").EnumerateObject().Select(step =>
                    RequestKey.TryParse(Encoding.UTF8.GetBytes(step.Value.GetProperty("key").GetString() ?? ""), out var key) ? key : throw new FormatException("no key"))]
                : null;
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // It is no line of ours, and none that could be lost.
            return null;
        }
    }
}
