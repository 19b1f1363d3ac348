using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>What a cache holds, in figures.</summary>
public sealed record CacheStatistics
{
    /// <summary>Gets how many bytes the store takes.</summary>
    public long StoredBytes { get; private init; }

    /// <summary>Gets the figures of each model, the one with the most responses first.</summary>
    public required IReadOnlyList<ModelStatistics> Models { get; init; }

    /// <summary>Gets the figures of all models together.</summary>
    public required ModelStatistics Total { get; init; }

    /// <summary>Gets how many entries cannot be read; they are in no other figure.</summary>
    public long Damaged { get; private init; }

    /// <summary>Counts what a filter lets through; bodies are not read.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="filter">Which entries.</param>
    /// <param name="progress">Told how many have been counted, or null.</param>
    /// <param name="cancellationToken">Ends the counting.</param>
    public static async Task<CacheStatistics> CollectAsync(ICacheStore cache, CacheFilter filter, Action<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cache);
        // Grows with the number of models.
        var models = new Dictionary<(string, string), ModelStatistics>();
        var total = new ModelStatistics("", "");
        long damaged = 0;
        await foreach (var entry in cache.ListAsync(filter, withBodies: false, cancellationToken).ConfigureAwait(false))
        {
            if (entry.Problem is not null)
            {
                damaged++;
                continue;
            }

            var name = (entry.Origin.Provider, entry.Origin.Model);
            if (!models.TryGetValue(name, out var model))
            {
                models.Add(name, model = new ModelStatistics(name.Provider, name.Model));
            }

            model.Add(entry);
            total.Add(entry);
            progress?.Invoke(total.Responses);
        }

        return new CacheStatistics
        {
            StoredBytes = await cache.StoredBytesAsync(cancellationToken).ConfigureAwait(false),
            Models = [.. models.Values.OrderByDescending(m => m.Responses).ThenBy(m => m.Provider, StringComparer.Ordinal).ThenBy(m => m.Model, StringComparer.Ordinal)],
            Total = total,
            Damaged = damaged,
        };
    }
}

/// <summary>What a cache holds of one model.</summary>
/// <param name="provider">The provider's registered name.</param>
/// <param name="model">The model's name.</param>
public sealed class ModelStatistics(string provider, string model)
{
    /// <summary>Gets the provider's registered name.</summary>
    public string Provider => provider;

    /// <summary>Gets the model's name.</summary>
    public string Model => model;

    /// <summary>Gets how many responses there are.</summary>
    public long Responses { get; private set; }

    /// <summary>Gets how many of them were made by batches.</summary>
    public long Batch { get; private set; }

    /// <summary>Gets how large their bodies are together, uncompressed.</summary>
    public long BodyBytes { get; private set; }

    /// <summary>Gets the tokens they used.</summary>
    public TokenUsage Usage { get; private set; }

    /// <summary>Gets when the oldest was made, or null when there is none.</summary>
    public DateTimeOffset? Oldest { get; private set; }

    /// <summary>Gets when the newest was made, or null when there is none.</summary>
    public DateTimeOffset? Newest { get; private set; }

    internal void Add(StoredResponse entry)
    {
        Responses++;
        Batch += entry.Origin.IsBatch ? 1 : 0;
        BodyBytes += entry.Size;
        Usage = new TokenUsage(Usage.Input + entry.Usage.Input, Usage.Output + entry.Usage.Output);
        Oldest = entry.CreatedAt >= Oldest ? Oldest : entry.CreatedAt;
        Newest = entry.CreatedAt <= Newest ? Newest : entry.CreatedAt;
    }
}
