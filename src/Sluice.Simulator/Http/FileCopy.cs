using System.Buffers;

namespace Sluice.Simulator.Http;

/// <summary>Copies a part of a stream through one rented buffer.</summary>
internal static class FileCopy
{
    public const int BufferSize = 128 * 1024;

    public static async Task CopyAsync(Stream source, Stream target, long bytes, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (bytes > 0)
            {
                var wanted = (int)Math.Min(bytes, buffer.Length);
                var read = await source.ReadAsync(buffer.AsMemory(0, wanted), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return;
                }

                await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                bytes -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
