using Sluice.Datasets;

namespace Sluice.Caching.Exchange;

/// <summary>Goes through a file line by line. A line that its reader cannot read is broken, and the next ones go on.</summary>
internal static class ForeignFile
{
    /// <summary>What messages call it.</summary>
    public const string Kind = "file";

    /// <summary>A body of 32 MiB in which every character is escaped.</summary>
    private const int MostLineBytes = 256 * 1024 * 1024;

    /// <summary>Reads a file, plain or compressed as its name says.</summary>
    /// <param name="path">The file.</param>
    /// <param name="broken">Where broken lines are kept.</param>
    /// <param name="read">Reads a line that is not blank and is valid until it returns; throws <see cref="FormatException"/> when it cannot.</param>
    /// <param name="stored">Called when the file ends too early; stores what came before and returns how many answers that were.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="SluiceException">The file cannot be read, or not to its end.</exception>
    public static async Task ReadAsync(string path, BrokenLines broken, Func<ReadOnlyMemory<byte>, ValueTask> read, Func<ValueTask<long>> stored, CancellationToken cancellationToken)
    {
        var compression = DatasetFormat.CompressionOf(path);
        try
        {
            var stream = DatasetFile.OpenSequential(path, compression, Kind);
            await using (stream.ConfigureAwait(false))
            {
                await ReadAsync(stream, path, broken, (line, _) => read(line), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is not SluiceException && DatasetFile.Explain(error, path, compression, Kind) is { } explained)
        {
            throw new SluiceException(explained.Kind, $"{explained.Message}; of what comes before, {await stored().ConfigureAwait(false)} responses are kept", explained.Hint, error);
        }
    }

    /// <summary>Reads a stream; the reader is told where each line begins.</summary>
    /// <exception cref="SluiceException">It is no UTF-8.</exception>
    public static async Task ReadAsync(Stream stream, string name, BrokenLines broken, Func<ReadOnlyMemory<byte>, long, ValueTask> read, CancellationToken cancellationToken)
    {
        using var lines = new LineReader(stream, MostLineBytes);
        try
        {
            while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                await ReadAsync(lines, name, broken, read).ConfigureAwait(false);
            }
        }
        catch (InvalidTextException error)
        {
            throw new SluiceException(ErrorKind.Usage, $"{Kind} {name}: {error.Message}", error.Hint, error);
        }
    }

    private static async ValueTask ReadAsync(LineReader lines, string name, BrokenLines broken, Func<ReadOnlyMemory<byte>, long, ValueTask> read)
    {
        if (lines.TooLong)
        {
            broken.Add(name, lines.Number, $"it is longer than {MostLineBytes / (1024 * 1024)} MiB");
            return;
        }

        var start = lines.Line.Span.IndexOfAnyExcept(" \t\r"u8);
        if (start < 0)
        {
            return;
        }

        try
        {
            await read(lines.Line[start..(lines.Line.Span.LastIndexOfAnyExcept(" \t\r"u8) + 1)], lines.Offset + start).ConfigureAwait(false);
        }
        catch (FormatException error)
        {
            broken.Add(name, lines.Number, error.Message);
        }
    }
}
