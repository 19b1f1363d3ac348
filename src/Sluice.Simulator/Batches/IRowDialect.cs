using Sluice.Simulator.Answers;
using Sluice.Simulator.Faults;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.Batches;

/// <summary>How one provider's input lines are read and its result rows are written.</summary>
internal interface IRowDialect : IAsyncDisposable
{
    public Api Api { get; }

    public Endpoint Endpoint { get; }

    /// <summary>Finds custom_id and body in a line, which stays valid until the next call.</summary>
    public void Read(ReadOnlyMemory<byte> line);

    /// <summary>Gets the custom_id as the JSON text it was sent as, with its quotes.</summary>
    public ReadOnlySpan<byte> CustomId { get; }

    public ReadOnlySpan<byte> Body { get; }

    public void WriteSuccess(Completion completion, ReadOnlySpan<byte> customId, int times);

    public void WriteError(ApiError error, ulong seed, ReadOnlySpan<byte> customId, int times);

    public void WriteStatusZero(ulong seed, ReadOnlySpan<byte> customId);

    public void WriteNotRun(Stop stop, Fault? fault, ulong seed, ReadOnlySpan<byte> customId);

    /// <summary>Gets whether enough rows have gathered to be written.</summary>
    public bool WantsFlush { get; }

    public ValueTask FlushIfLargeAsync(CancellationToken cancellationToken);
}
