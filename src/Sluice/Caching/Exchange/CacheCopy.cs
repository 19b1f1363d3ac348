namespace Sluice.Caching.Exchange;

/// <summary>Copies entries from one store into another. What is there already stays, so a copy that was stopped is gone on with by copying again.</summary>
/// <param name="from">The store that is read.</param>
/// <param name="to">The store that is written.</param>
public sealed class CacheCopy(ICacheStore from, IResponseCache to)
{
    /// <summary>Gets or sets what is told how many have been copied.</summary>
    public Action<long>? Progress { get; init; }

    /// <summary>Gets or sets what is told of each damaged entry; it is left out.</summary>
    public Action<StoredResponse>? Damaged { get; init; }

    /// <summary>Gets how many sound responses have been read.</summary>
    public long Responses { get; private set; }

    /// <summary>Gets how many of them the other store did not have.</summary>
    public long New { get; private set; }

    /// <summary>Copies what a filter lets through, requests with it.</summary>
    public async Task RunAsync(CacheFilter filter, CancellationToken cancellationToken = default)
    {
        using var group = new PutGroup(to, Progress);
        await foreach (var response in from.ListAsync(filter, withBodies: true, cancellationToken).ConfigureAwait(false))
        {
            if (response.Body is null)
            {
                Damaged?.Invoke(response);
            }
            else
            {
                await group.AddAsync(response.ToEntry(), cancellationToken).ConfigureAwait(false);
            }
        }

        await group.FinishAsync(cancellationToken).ConfigureAwait(false);
        (Responses, New) = (group.Responses, group.New);
    }
}
