using Sluice.Simulator.Answers;
using Sluice.Simulator.Faults;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.Batches;

/// <summary>How one provider's input lines are read and its result rows are written.</summary>
internal interface IRowDialect : IAsyncDisposable
{
    Api Api { get; }

    Endpoint Endpoint { get; }

    /// <summary>Finds custom_id and body in a line, which stays valid until the next call.</summary>
    void Read(ReadOnlyMemory<byte> line);

    /// <summary>Gets the custom_id as the JSON text it was sent as, with its quotes.</summary>
    ReadOnlySpan<byte> CustomId { get; }

    ReadOnlySpan<byte> Body { get; }

    void WriteSuccess(Completion completion, ReadOnlySpan<byte> customId, int times);

    void WriteError(ApiError error, ulong seed, ReadOnlySpan<byte> customId, int times);

    void WriteStatusZero(ulong seed, ReadOnlySpan<byte> customId);

    void WriteNotRun(Stop stop, Fault? fault, ulong seed, ReadOnlySpan<byte> customId);

    /// <summary>Gets whether enough rows have gathered to be written.</summary>
    bool WantsFlush { get; }

    ValueTask FlushIfLargeAsync(CancellationToken cancellationToken);
}
