using Sluice.Datasets;

namespace Sluice.Caching;

/// <summary>Tells a filter that lets nothing through from one whose names are not in the cache at all, which is mostly a slip.</summary>
public static class CacheNames
{
    private const int MostShown = 10;

    /// <summary>Looks for the names of a filter that has let nothing through.</summary>
    /// <exception cref="SluiceException">One of them is not in the cache; the hint has the nearest one, or those that are there.</exception>
    public static async Task RequireAsync(ICacheStore cache, CacheFilter filter, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(filter);
        if (filter is { Provider: null, Model: null, Source: null })
        {
            return;
        }

        // Grows with the number of batches.
        var origins = new HashSet<ResponseOrigin>();
        await foreach (var entry in cache.ListAsync(CacheFilter.All, withBodies: false, cancellationToken).ConfigureAwait(false))
        {
            origins.Add(entry.Origin);
        }

        Require("provider", filter.Provider, origins.Select(o => o.Provider), cache.Name);
        Require("model", filter.Model, origins.Select(o => o.Model), cache.Name);
        Require("source", filter.Source, origins.Select(o => o.Source), cache.Name);
    }

    private static void Require(string kind, string? name, IEnumerable<string> known, string cache)
    {
        var names = known.Distinct().Order(StringComparer.Ordinal).ToList();
        if (name is null || names.Contains(name))
        {
            return;
        }

        var hint = names.Count == 0 ? "the cache is empty"
            : NearestName.Of(name, names) is { } nearest ? $"did you mean {nearest}?"
            : $"it has: {string.Join(", ", names.Take(MostShown))}{(names.Count > MostShown ? ", ..." : "")}";
        throw new SluiceException(ErrorKind.Usage, $"{cache} has no response of {kind} `{name}`", hint);
    }
}
