using Sluice.Caching.JsonLines;

namespace Sluice.Caching.Exchange;

/// <summary>Takes exported responses into a cache, as they were: time of making and origin are kept, and what is there already stays.</summary>
/// <param name="cache">Where they go.</param>
/// <param name="progress">Told how many have been stored, or null.</param>
/// <param name="latest">A response that claims to have been made after this is no sound one: it would never expire; null: any time is taken.</param>
public sealed class CacheImport(IResponseCache cache, Action<long>? progress = null, DateTimeOffset? latest = null) : IDisposable
{
    private readonly PutGroup _group = new(cache, progress);

    /// <summary>Gets how many responses have been read.</summary>
    public long Responses => _group.Responses;

    /// <summary>Gets how many of them the cache did not have.</summary>
    public long New => _group.New;

    /// <summary>Gets the lines that are no responses, or not what was exported.</summary>
    public BrokenLines Broken { get; } = new();

    /// <summary>Takes in a file, plain, <c>.gz</c> or <c>.zst</c>.</summary>
    /// <exception cref="SluiceException">It cannot be read, or not to its end; what came before is kept.</exception>
    public async Task ReadAsync(string path, CancellationToken cancellationToken = default)
    {
        await ForeignFile.ReadAsync(path, Broken, line => TakeAsync(line, cancellationToken), StoreAsync, cancellationToken).ConfigureAwait(false);
        await _group.FinishAsync(cancellationToken).ConfigureAwait(false);

        async ValueTask<long> StoreAsync()
        {
            await _group.FinishAsync(cancellationToken).ConfigureAwait(false);
            return Responses;
        }
    }

    /// <summary>Takes in a stream.</summary>
    /// <param name="stream">The stream, not compressed.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="cancellationToken">Ends the reading; what was stored stays.</param>
    /// <exception cref="SluiceException">It is no UTF-8.</exception>
    public async Task ReadAsync(Stream stream, string name, CancellationToken cancellationToken = default)
    {
        await ForeignFile.ReadAsync(stream, name, Broken, (line, _) => TakeAsync(line, cancellationToken), cancellationToken).ConfigureAwait(false);
        await _group.FinishAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _group.Dispose();

    private ValueTask TakeAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken)
    {
        var response = ResponseLine.Read(line);
        if (!response.IsSound)
        {
            throw new FormatException($"the response to {response.Key} is not what was exported: its checksum differs");
        }

        if (response.CreatedAt > latest)
        {
            throw new FormatException($"the response to {response.Key} was made at {response.CreatedAt:yyyy-MM-dd'T'HH:mm:ss'Z'}, which is yet to come");
        }

        var entry = new CacheEntry(response.Key, response.Body, response.Usage) { Origin = response.Origin, Request = response.Request?.ToArray(), CreatedAt = response.CreatedAt };
        return _group.AddAsync(entry, cancellationToken);
    }
}
