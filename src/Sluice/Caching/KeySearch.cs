using System.Buffers;
using System.Text;
using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>Finds an entry by its key, or by how its key begins.</summary>
public static class KeySearch
{
    private const int ShortestPrefix = 6;
    private const int MostShown = 5;

    private static readonly SearchValues<char> Letters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>Returns the entry with its bodies. A whole key is looked up; for a part of one every key is read.</summary>
    /// <exception cref="SluiceException">There is none, there are several, or the text is no key.</exception>
    public static async Task<StoredResponse> FindAsync(ICacheStore cache, string text, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(text);
        if (RequestKey.TryParse(Encoding.UTF8.GetBytes(text), out var whole))
        {
            return await cache.FindAsync(whole, cancellationToken).ConfigureAwait(false) ?? throw Unknown(cache, text);
        }

        if (text.Length is < ShortestPrefix or >= RequestKey.TextLength || text.AsSpan().ContainsAnyExcept(Letters))
        {
            throw new SluiceException(
                ErrorKind.Usage,
                $"`{text}` is no key: a key has {RequestKey.TextLength} characters of A-Z, a-z, 0-9, - and _",
                $"give a whole key, or its first {ShortestPrefix} characters or more; results.jsonl and `sluice cache ls` have them");
        }

        var found = new List<RequestKey>();
        await foreach (var entry in cache.ListAsync(CacheFilter.All, withBodies: false, cancellationToken).ConfigureAwait(false))
        {
            if (BeginsWith(entry.Key, text))
            {
                found.Add(entry.Key);
            }

            if (found.Count > MostShown)
            {
                break;
            }
        }

        return found.Count <= 1
            ? await FindAsync(cache, found.Count == 0 ? throw Unknown(cache, text) : found[0].ToString(), cancellationToken).ConfigureAwait(false)
            : throw new SluiceException(
                ErrorKind.Usage,
                $"several keys begin with `{text}`: {string.Join(", ", found.Take(MostShown))}{(found.Count > MostShown ? ", ..." : "")}",
                "give more of it");
    }

    private static bool BeginsWith(RequestKey key, string prefix)
    {
        Span<byte> text = stackalloc byte[RequestKey.TextLength];
        key.WriteText(text);
        return Ascii.Equals(text[..prefix.Length], prefix);
    }

    private static SluiceException Unknown(ICacheStore cache, string text) => new(
        ErrorKind.Usage,
        text.Length < RequestKey.TextLength ? $"{cache.Name} has no key that begins with `{text}`" : $"{cache.Name} has no response to `{text}`",
        "`sluice cache ls` shows what is there; --cache names another store");
}
