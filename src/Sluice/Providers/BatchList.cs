using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Sluice.Providers;

/// <summary>Reads a provider's list of batches page by page, back to a time, in whatever order the provider lists them.</summary>
internal static class BatchList
{
    /// <summary>The most pages that are read: what lies behind them is not looked at, and nobody may take it for absent.</summary>
    internal const int MaxPages = 1000;

    /// <summary>The smallest page that providers cut a list to when nobody asks for another size.</summary>
    private const int SmallestCut = 20;

    /// <summary>Lists batches that were created at a time or later; one that does not tell its time is listed.</summary>
    /// <param name="since">The time.</param>
    /// <param name="readPage">Reads the page after a batch's id, or the first one.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="ProviderException">The list cannot be read to its end: it has no end, or repeats itself.</exception>
    public static async IAsyncEnumerable<BatchInfo> ReadAsync(
        DateTimeOffset since, Func<string?, CancellationToken, Task<BatchPage>> readPage, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? after = null;
        HashSet<string> before = [];
        var order = new ListOrder();
        for (var pages = 0; pages < MaxPages; pages++)
        {
            var page = await readPage(after, cancellationToken).ConfigureAwait(false);
            var isOld = true;
            // Lists that grow while they are read, and those that know no pages, show batches again.
            var batches = page.Batches.Where(batch => !before.Contains(batch.Id)).ToList();
            foreach (var batch in batches)
            {
                order.Add(batch.CreatedAt);
                if (batch.CreatedAt >= since || batch.CreatedAt is null)
                {
                    isOld = false;
                    yield return batch;
                }
            }

            // A page of old batches ends the list only where younger ones are known to come first.
            if (page.HasMore == false || (isOld && batches.Count > 0 && order.IsNewestFirst))
            {
                yield break;
            }

            if (page.HasMore is null && (page.Batches.Count == 0 || (batches.Count == 0 && page.Batches.Count < SmallestCut)))
            {
                // A provider that does not tell whether there are more shows nothing after the last one, or all there are each time.
                yield break;
            }

            if (page.Batches.Count == 0 && (page.Last is null || page.Last == after))
            {
                throw Endless("says that there is more, and does not show it");
            }

            if (page.Batches.Count > 0 && batches.Count == 0)
            {
                throw Endless(page.HasMore is null ? "does not tell whether it is whole" : "repeats the same page for ever");
            }

            after = page.Batches.Count > 0 ? page.Batches[^1].Id : page.Last;
            before = [.. page.Batches.Select(batch => batch.Id)];
        }

        throw Endless($"has more than {MaxPages} pages");
    }

    private static ProviderException Endless(string what) =>
        new(new RequestError(ErrorClass.Permanent, "endless_list", $"the provider's list of batches {what}"), outcomeUnknown: false);

    /// <summary>What has been seen of the order in which batches are listed.</summary>
    private sealed class ListOrder
    {
        // Batches in no order at all show eight falls and no rise in 1 of 362,880 lists (9!): fewer may be chance.
        private const int EnoughFalls = 8;

        private DateTimeOffset? _last;
        private int _falls;
        private bool _hasRisen;

        /// <summary>Gets whether enough batches are older than the one before them, and none is younger.</summary>
        public bool IsNewestFirst => _falls >= EnoughFalls && !_hasRisen;

        public void Add(DateTimeOffset? createdAt)
        {
            _falls += createdAt < _last ? 1 : 0;
            _hasRisen |= createdAt > _last;
            _last = createdAt ?? _last;
        }
    }
}

/// <summary>A page of a provider's list of batches.</summary>
/// <param name="Batches">The batches, as they are listed.</param>
/// <param name="HasMore">Whether the provider says that there are more; null when it does not say.</param>
/// <param name="Last">Which batch the provider calls the last of the page; null when it does not say.</param>
internal sealed record BatchPage(IReadOnlyList<BatchInfo> Batches, bool? HasMore, string? Last)
{
    /// <summary>Reads a page.</summary>
    /// <exception cref="ProviderException">The answer is no such page.</exception>
    public static BatchPage Of(JsonElement page, Func<JsonElement, BatchInfo> read) => new(
        [.. ProviderHttp.List(page).Select(read)],
        page.TryGetProperty("has_more", out var more) && more.ValueKind is JsonValueKind.True or JsonValueKind.False ? more.GetBoolean() : null,
        page.TryGetProperty("last_id", out var last) && last.ValueKind == JsonValueKind.String && last.GetString() is { Length: > 0 } id ? id : null);
}
