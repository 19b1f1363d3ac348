using System.Net;
using System.Net.Http.Headers;

namespace Sluice.Providers.Anthropic;

/// <summary>A create call's body <c>{"requests":[line,line,...]}</c>, made from a spool while it is sent.</summary>
internal sealed class SpoolContent : HttpContent
{
    /// <summary>What the body adds to the spool's bytes: the frame, one comma less than lines, and no line feeds.</summary>
    public const int FrameBytes = 15;

    private static readonly byte[] Head = "{\"requests\":["u8.ToArray();
    private static readonly byte[] Tail = "]}"u8.ToArray();
    private readonly BatchSpool _spool;

    /// <summary>Creates the body of a spool; each line of it ends with a line feed.</summary>
    public SpoolContent(BatchSpool spool)
    {
        _spool = spool;
        Headers.ContentType = new MediaTypeHeaderValue("application/json");
    }

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    /// <inheritdoc/>
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var file = new FileStream(_spool.Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1, FileOptions.SequentialScan | FileOptions.Asynchronous);
        await using var _ = file.ConfigureAwait(false);
        await stream.WriteAsync(Head, cancellationToken).ConfigureAwait(false);
        var buffer = new byte[64 * 1024];
        var left = _spool.Bytes;
        int read;
        while (left > 0 && (read = await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            left -= read;
            var chunk = buffer.AsMemory(0, read);
            // Inside a line a line feed is always escaped, so each one in the file is a separator; the last one has nothing to separate.
            chunk.Span.Replace((byte)'\n', (byte)',');
            await stream.WriteAsync(left > 0 ? chunk : chunk[..^1], cancellationToken).ConfigureAwait(false);
        }

        await stream.WriteAsync(Tail, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = _spool.Bytes - 1 + Head.Length + Tail.Length;
        return true;
    }
}
