using System.Buffers;
using System.IO.Compression;
using Sluice.Caching.JsonLines;
using Sluice.Datasets;
using Sluice.Storage;
using ZstdSharp;

namespace Sluice.Caching.Exchange;

/// <summary>Writes stored responses as lines of JSON, one each, that <see cref="CacheImport"/> and <c>jq</c> read.</summary>
/// <param name="cache">The cache.</param>
/// <param name="filter">Which entries.</param>
public sealed class CacheExport(ICacheStore cache, CacheFilter filter)
{
    private const int FlushBytes = 64 * 1024;

    private static ReadOnlySpan<byte> EmptyGzip => [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Gets or sets what is told how many have been written.</summary>
    public Action<long>? Progress { get; init; }

    /// <summary>Gets or sets what is told of each damaged entry; it is left out.</summary>
    public Action<StoredResponse>? Damaged { get; init; }

    /// <summary>Gets how many responses have been written.</summary>
    public long Responses { get; private set; }

    /// <summary>Writes a line, without the line feed.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="response">The response; it must have a body.</param>
    public static void WriteLine(IBufferWriter<byte> output, StoredResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        ResponseLine.Write(output, response);
    }

    /// <summary>Writes all lines to a stream.</summary>
    public async Task WriteAsync(Stream output, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        using var lines = new PooledBuffer(2 * FlushBytes);
        await foreach (var response in cache.ListAsync(filter, withBodies: true, cancellationToken).ConfigureAwait(false))
        {
            if (response.Body is null)
            {
                Damaged?.Invoke(response);
                continue;
            }

            WriteLine(lines, response);
            lines.Write("\n"u8);
            Responses++;
            if (lines.WrittenCount >= FlushBytes)
            {
                await FlushAsync().ConfigureAwait(false);
            }
        }

        await FlushAsync().ConfigureAwait(false);

        async ValueTask FlushAsync()
        {
            await output.WriteAsync(lines.WrittenMemory, cancellationToken).ConfigureAwait(false);
            lines.Dispose();
            Progress?.Invoke(Responses);
        }
    }

    /// <summary>Writes all lines to a new file, compressed when it is named <c>.gz</c> or <c>.zst</c>; it is there when it is complete.</summary>
    /// <param name="path">The file.</param>
    /// <param name="check">Called when everything is written; when it throws, there is no file.</param>
    /// <param name="cancellationToken">Ends the writing; there is no file then.</param>
    /// <exception cref="SluiceException">There is such a file already.</exception>
    public async Task WriteAsync(string path, Func<Task>? check = null, CancellationToken cancellationToken = default)
    {
        var target = Path.GetFullPath(path);
        if (Path.Exists(target))
        {
            throw new SluiceException(ErrorKind.Usage, $"{path} exists already", "name a file that does not exist");
        }

        using var file = new AtomicFile(target);
        if (Pack(file.Stream, DatasetFormat.CompressionOf(path)) is { } packed)
        {
            await using (packed.ConfigureAwait(false))
            {
                await WriteAsync(packed, cancellationToken).ConfigureAwait(false);
            }

            // The runtime writes nothing at all for nothing, which is no gzip.
            file.Stream.Write(file.Stream.Length == 0 ? EmptyGzip : []);
        }
        else
        {
            await WriteAsync(file.Stream, cancellationToken).ConfigureAwait(false);
        }

        await (check?.Invoke() ?? Task.CompletedTask).ConfigureAwait(false);
        file.Commit();
    }

    private static Stream? Pack(Stream file, DatasetCompression compression) => compression switch
    {
        DatasetCompression.Gzip => new GZipStream(file, CompressionLevel.Optimal, leaveOpen: true),
        DatasetCompression.Zstandard => new CompressionStream(file, leaveOpen: true),
        _ => null,
    };
}
