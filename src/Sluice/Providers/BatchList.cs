using System.Runtime.CompilerServices;

namespace Sluice.Providers;

/// <summary>Reads a provider's list of batches page by page, back to a time, in whatever order the provider lists them.</summary>
internal static class BatchList
{
    /// <summary>The most pages that are read: what lies behind them is not looked at, and nobody may take it for absent.</summary>
    internal const int MaxPages = 1000;

    /// <summary>Lists batches that were created at a time or later; one that does not tell its time is listed.</summary>
    /// <param name="since">The time.</param>
    /// <param name="readPage">Reads the page after a batch's id, or the first one.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="ProviderException">The list cannot be read to its end: it has no end, or repeats itself.</exception>
    public static async IAsyncEnumerable<BatchInfo> ReadAsync(
        DateTimeOffset since, Func<string?, CancellationToken, Task<BatchPage>> readPage, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? after = null;
        var order = new ListOrder();
        for (var pages = 0; pages < MaxPages; pages++)
        {
            var page = await readPage(after, cancellationToken).ConfigureAwait(false);
            var isOld = true;
            foreach (var batch in page.Batches)
            {
                order.Add(batch.CreatedAt);
                if (batch.CreatedAt >= since || batch.CreatedAt is null)
                {
                    isOld = false;
                    yield return batch;
                }
            }

            // A page of old batches ends the list only where younger ones are known to come first.
            if (!page.HasMore || page.Batches.Count == 0 || (isOld && order.IsNewestFirst))
            {
                yield break;
            }

            var last = page.Batches[^1].Id;
            if (last == after)
            {
                throw Endless("repeats the same page for ever");
            }

            after = last;
        }

        throw Endless($"has more than {MaxPages} pages");
    }

    private static ProviderException Endless(string what) =>
        new(new RequestError(ErrorClass.Permanent, "endless_list", $"the provider's list of batches {what}"), outcomeUnknown: false);

    /// <summary>What has been seen of the order in which batches are listed.</summary>
    private sealed class ListOrder
    {
        private DateTimeOffset? _last;
        private bool _hasFallen;
        private bool _hasRisen;

        /// <summary>Gets whether some batch is older than the one before it, and none younger.</summary>
        public bool IsNewestFirst => _hasFallen && !_hasRisen;

        public void Add(DateTimeOffset? createdAt)
        {
            _hasFallen |= createdAt < _last;
            _hasRisen |= createdAt > _last;
            _last = createdAt ?? _last;
        }
    }
}

/// <summary>A page of a provider's list of batches.</summary>
/// <param name="Batches">The batches, as they are listed.</param>
/// <param name="HasMore">Whether the provider says that there are more.</param>
internal sealed record BatchPage(IReadOnlyList<BatchInfo> Batches, bool HasMore)
{
    /// <summary>Reads a page.</summary>
    /// <exception cref="ProviderException">The answer is no such page.</exception>
    public static BatchPage Of(System.Text.Json.JsonElement page, Func<System.Text.Json.JsonElement, BatchInfo> read) => new(
        [.. ProviderHttp.List(page).Select(read)],
        page.TryGetProperty("has_more", out var more) && more.ValueKind == System.Text.Json.JsonValueKind.True);
}
