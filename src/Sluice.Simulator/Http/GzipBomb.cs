using System.IO.Compression;
using Microsoft.AspNetCore.Http;

namespace Sluice.Simulator.Http;

/// <summary>Sends a small body that is huge once it is decompressed.</summary>
internal static class GzipBomb
{
    public const long DefaultBytes = 1024 * 1024 * 1024;

    /// <summary>Spaces: a JSON reader skips them for as long as they come.</summary>
    private static readonly byte[] Spaces = CreateSpaces();

    public static async Task SendAsync(HttpContext http, long bytes)
    {
        http.Response.ContentType = "application/json";
        http.Response.Headers.ContentEncoding = "gzip";
        var gzip = new GZipStream(http.Response.Body, CompressionLevel.Optimal, leaveOpen: true);
        await using var closing = gzip.ConfigureAwait(false);
        for (; bytes > 0; bytes -= Spaces.Length)
        {
            // A connection that has ended swallows what is written; the rest of the work is for nobody.
            http.RequestAborted.ThrowIfCancellationRequested();
            await gzip.WriteAsync(Spaces.AsMemory(0, (int)Math.Min(bytes, Spaces.Length)), http.RequestAborted).ConfigureAwait(false);
        }
    }

    private static byte[] CreateSpaces()
    {
        var spaces = new byte[64 * 1024];
        Array.Fill(spaces, (byte)' ');
        return spaces;
    }
}
