using System.Buffers;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Dispatch.Batch;

/// <summary>What a batch line has beside the request's body.</summary>
internal static class BatchEnvelope
{
    /// <summary>Returns its size in bytes, line feed included.</summary>
    public static int Size(IDialect dialect)
    {
        var line = new ArrayBufferWriter<byte>();
        dialect.WriteBatchLine(line, new byte[CustomId.Length], default);
        return line.WrittenCount + 1;
    }
}
