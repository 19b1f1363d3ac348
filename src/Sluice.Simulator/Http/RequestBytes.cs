using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Sluice.Simulator.Http;

/// <summary>Reads a small request body whole.</summary>
internal static class RequestBytes
{
    /// <returns>The body, or null when it is longer than the limit; the rest is read and dropped, so that the client can read the answer.</returns>
    public static async Task<ReadOnlyMemory<byte>?> ReadAsync(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        var expected = request.ContentLength is { } length && length <= limit ? (int)length : 4096;
        var body = new ArrayBufferWriter<byte>(Math.Max(256, expected + 1));
        while (body.WrittenCount <= limit)
        {
            var read = await request.Body.ReadAsync(body.GetMemory(256), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return body.WrittenMemory;
            }

            body.Advance(read);
        }

        await DrainAsync(request, cancellationToken).ConfigureAwait(false);
        return null;
    }

    public static Task DrainAsync(HttpRequest request, CancellationToken cancellationToken) =>
        request.Body.CopyToAsync(Stream.Null, cancellationToken);
}
