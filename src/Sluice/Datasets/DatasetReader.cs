using System.Globalization;
using System.Runtime.CompilerServices;

namespace Sluice.Datasets;

/// <summary>Reads datasets of every format as streams of JSON objects.</summary>
/// <remarks>
/// A record that comes out is a valid JSON object in valid UTF-8 and has its id; nothing about it needs checking again.
/// Memory does not depend on the file's size, except that Parquet holds one row group at a time.
/// </remarks>
public static class DatasetReader
{
    /// <summary>Streams the records whose numbers are in the window given by offset and limit.</summary>
    /// <param name="options">Which file, and which of its records.</param>
    /// <param name="stats">Filled while reading.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <returns>
    /// The records in file order. Broken records have numbers too and count towards offset and limit, so that leaving one out
    /// changes neither the ids of the others nor which of them are read.
    /// </returns>
    /// <exception cref="SluiceException">
    /// The file cannot be read, or a record is broken and <see cref="DatasetOptions.OnError"/> says to fail.
    /// </exception>
    public static async IAsyncEnumerable<DatasetRecord> ReadAsync(
        DatasetOptions options,
        DatasetReadStats stats,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(stats);
        CheckWindow(options);
        DatasetFormat format = DatasetFormat.Of(options);
        long end = options.Limit is { } limit ? limit > long.MaxValue - options.Offset ? long.MaxValue : options.Offset + limit : long.MaxValue;

        IRecordSource source = await GuardAsync(OpenAsync(options, format, cancellationToken), options, format).ConfigureAwait(false);
        await using (source.ConfigureAwait(false))
        {
            long number = await GuardAsync(source.SkipAsync(options.Offset, cancellationToken), options, format).ConfigureAwait(false);
            for (; number < end; number++)
            {
                if (!await GuardAsync(source.MoveNextAsync(cancellationToken), options, format).ConfigureAwait(false))
                {
                    break;
                }

                cancellationToken.ThrowIfCancellationRequested();
                if (number >= options.Offset && TryTake(source, number, options, stats, out DatasetRecord record))
                {
                    yield return record;
                }
            }
        }
    }

    private static bool TryTake(
        IRecordSource source, long number, DatasetOptions options, DatasetReadStats stats, out DatasetRecord record)
    {
        string? id = null;
        string? error = source.Take(out ReadOnlyMemory<byte> json);
        if (error is null && (options.Id is not null || !source.WritesJson))
        {
            error = JsonRecord.Check(json.Span, options.Id, out id);
        }

        if (error is null)
        {
            record = new DatasetRecord(id ?? number.ToString(CultureInfo.InvariantCulture), number, source.Line, json);
            stats.CountRead();
            return true;
        }

        string message = string.Create(CultureInfo.InvariantCulture, $"{options.Path}, {source.LineWord} {source.Line}: {error}");
        if (options.OnError == RecordErrorPolicy.Fail)
        {
            throw new SluiceException(
                ErrorKind.Usage, message, $"correct the {source.LineWord}, or set dataset.on_error: skip to leave such records out");
        }

        record = default;
        stats.CountSkipped(message);
        return false;
    }

    private static async ValueTask<IRecordSource> OpenAsync(
        DatasetOptions options, DatasetFormat format, CancellationToken cancellationToken)
    {
        if (format.Kind == DatasetKind.Parquet)
        {
            Stream file = await DatasetFile.OpenSeekableAsync(options.Path, format.Compression, cancellationToken).ConfigureAwait(false);
            return await ParquetSource.OpenAsync(file, options.MaxRecordBytes, cancellationToken).ConfigureAwait(false);
        }

        Stream stream = DatasetFile.OpenSequential(options.Path, format.Compression);
        return format.Kind == DatasetKind.JsonLines
            ? new JsonLinesSource(stream, options.MaxRecordBytes)
            : new DelimitedSource(stream, format.Kind == DatasetKind.Csv ? (byte)',' : (byte)'\t', options.MaxRecordBytes);
    }

    private static ValueTask<T> GuardAsync<T>(ValueTask<T> reading, DatasetOptions options, DatasetFormat format)
    {
        return reading.IsCompletedSuccessfully ? reading : AwaitAsync(reading, options, format);

        static async ValueTask<T> AwaitAsync(ValueTask<T> reading, DatasetOptions options, DatasetFormat format)
        {
            try
            {
                return await reading.ConfigureAwait(false);
            }
            catch (InvalidTextException error)
            {
                throw new SluiceException(ErrorKind.Usage, $"dataset {options.Path}: {error.Message}", error.Hint, error);
            }
            catch (Exception error) when (DatasetFile.Explain(error, options.Path, format.Compression) is not null)
            {
                throw DatasetFile.Explain(error, options.Path, format.Compression)!;
            }
        }
    }

    private static void CheckWindow(DatasetOptions options)
    {
        if (options.Offset < 0 || options.Limit < 0 || options.MaxRecordBytes < 1)
        {
            throw new SluiceException(
                ErrorKind.Usage,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"dataset {options.Path}: offset ({options.Offset}) and limit ({options.Limit}) must not be negative, and max_record_bytes ({options.MaxRecordBytes}) must be at least 1"));
        }
    }
}
