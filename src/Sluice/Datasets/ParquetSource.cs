using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Parquet;
using Parquet.Schema;

namespace Sluice.Datasets;

/// <summary>Parquet: rows become objects with the columns' names as fields.</summary>
/// <remarks>
/// One row group is in memory at a time, since Parquet.Net reads a column of a row group as a whole. Files written for machine
/// learning have groups of 1,000 to 100,000 rows; one over the cap is refused rather than allowed to take the machine.
/// </remarks>
internal sealed class ParquetSource : IRecordSource
{
    private const long MaxGroupBytes = 512L * 1024 * 1024;

    private readonly Stream _stream;
    private readonly ParquetReader _reader;
    private readonly int _maxRecordBytes;
    private readonly long _maxGroupBytes;
    private readonly List<ParquetColumn> _columns = [];
    private readonly ParquetNode[] _fields;
    private readonly ArrayBufferWriter<byte> _json = new();
    private readonly Utf8JsonWriter _writer;
    private int _group = -1;
    private long _rowsLeft;

    private ParquetSource(Stream stream, ParquetReader reader, int maxRecordBytes, long maxGroupBytes)
    {
        (_stream, _reader, _maxRecordBytes, _maxGroupBytes) = (stream, reader, maxRecordBytes, maxGroupBytes);
        IReadOnlyList<Field> fields = reader.Schema.Fields;
        if (fields.GroupBy(static f => f.Name, StringComparer.Ordinal).FirstOrDefault(static g => g.Count() > 1) is { } twins)
        {
            throw new InvalidTextException($"two columns are named '{twins.Key}'", "give each column a name of its own");
        }

        _fields = [.. fields.Select(field => ParquetNode.Of(field, 0, 0, _columns))];
        _writer = new Utf8JsonWriter(
            _json, new JsonWriterOptions { SkipValidation = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    public long Line { get; private set; }

    public string LineWord => "row";

    public bool WritesJson => true;

    /// <summary>Reads the file's description; takes over the stream.</summary>
    public static async ValueTask<ParquetSource> OpenAsync(
        Stream stream, int maxRecordBytes, CancellationToken cancellationToken, long maxGroupBytes = MaxGroupBytes)
    {
        var options = new ParquetOptions { UseBigDecimal = true, UseDateOnlyTypeForDates = true };
        try
        {
            ParquetReader reader = await ParquetReader.CreateAsync(stream, options, leaveStreamOpen: true, cancellationToken).ConfigureAwait(false);
            return new ParquetSource(stream, reader, maxRecordBytes, maxGroupBytes);
        }
        catch (Exception error)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            if (error is OperationCanceledException or OutOfMemoryException or InvalidTextException)
            {
                throw;
            }

            throw new InvalidTextException($"it is no Parquet file, or a damaged one: {error.Message}", "copy or download it again", error);
        }
    }

    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken)
    {
        while (_rowsLeft == 0)
        {
            if (++_group == _reader.RowGroupCount)
            {
                _group--;
                return false;
            }

            await LoadAsync(_reader.OpenRowGroupReader(_group), cancellationToken).ConfigureAwait(false);
        }

        Line++;
        _rowsLeft--;
        WriteRow();
        return true;
    }

    public ValueTask<long> SkipAsync(long count, CancellationToken cancellationToken)
    {
        while (_rowsLeft == 0 && _group + 1 < _reader.RowGroupCount)
        {
            long rows = _reader.OpenRowGroupReader(_group + 1).RowCount;
            if (Line + rows > count)
            {
                break;
            }

            _group++;
            Line += rows;
        }

        return new ValueTask<long>(Line);
    }

    public string? Take(out ReadOnlyMemory<byte> json)
    {
        if (_json.WrittenCount > _maxRecordBytes)
        {
            json = default;
            return JsonRecord.TooLong(_maxRecordBytes);
        }

        json = _json.WrittenSpan.ToArray();
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync().ConfigureAwait(false);
        await _reader.DisposeAsync().ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
    }

    // Rows before the offset are written too: the columns' cursors only move by being read.
    private void WriteRow()
    {
        _json.ResetWrittenCount();
        _writer.Reset();
        _writer.WriteStartObject();
        try
        {
            foreach (ParquetNode field in _fields)
            {
                _writer.WritePropertyName(field.Name);
                field.Write(_writer);
            }
        }
        catch (Exception error) when (error is IndexOutOfRangeException or ArgumentException)
        {
            throw new InvalidTextException(
                string.Create(CultureInfo.InvariantCulture, $"row {Line} does not fit together: {error.Message}"), "the file is damaged; write it again", error);
        }

        _writer.WriteEndObject();
        _writer.Flush();
    }

    private async ValueTask LoadAsync(ParquetRowGroupReader group, CancellationToken cancellationToken)
    {
        long bytes = group.RowGroup.Columns.Sum(static c => c.MetaData?.TotalUncompressedSize ?? 0);
        if (bytes > _maxGroupBytes)
        {
            throw new InvalidTextException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"row group {_group + 1} of {_reader.RowGroupCount} holds {bytes >> 20:N0} MiB, more than the {_maxGroupBytes >> 20:N0} MiB that may be in memory at once"),
                "write it again in smaller groups (pyarrow: write_table(..., row_group_size=10000)), or convert it to jsonl.zst");
        }

        foreach (ParquetColumn column in _columns)
        {
            await column.LoadAsync(group, cancellationToken).ConfigureAwait(false);
        }

        _rowsLeft = group.RowCount;
    }
}
