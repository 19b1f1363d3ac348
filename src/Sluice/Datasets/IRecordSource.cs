namespace Sluice.Datasets;

/// <summary>One file format as a forward-only series of records.</summary>
internal interface IRecordSource : IAsyncDisposable
{
    /// <summary>Gets where the current record starts, from 1: its line, or its row for a format without lines.</summary>
    long Line { get; }

    /// <summary>Gets what <see cref="Line"/> counts: <c>line</c> or <c>row</c>.</summary>
    string LineWord { get; }

    /// <summary>Gets whether the JSON is the source's own work, so that it need not be checked.</summary>
    bool WritesJson { get; }

    /// <summary>Goes to the next record, broken or not.</summary>
    ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken);

    /// <summary>Goes past as many records as it can skip faster than one by one, at most <paramref name="count"/>.</summary>
    /// <returns>How many were skipped; the caller skips the rest by <see cref="MoveNextAsync"/>.</returns>
    ValueTask<long> SkipAsync(long count, CancellationToken cancellationToken) => new(0L);

    /// <summary>Takes the current record.</summary>
    /// <param name="json">The record in memory of its own; empty when it is broken.</param>
    /// <returns>What is wrong with the record, or null.</returns>
    string? Take(out ReadOnlyMemory<byte> json);
}
