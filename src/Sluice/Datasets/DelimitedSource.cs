using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Sluice.Datasets;

/// <summary>CSV and TSV: the first row names the fields, all values are strings, blank lines between rows are skipped.</summary>
internal sealed class DelimitedSource(Stream stream, byte delimiter, int maxRecordBytes) : IRecordSource
{
    private readonly LineReader _lines = new(stream, maxRecordBytes);
    private readonly DelimitedRow _row = new(delimiter);
    private readonly ArrayBufferWriter<byte> _json = new();
    private Utf8JsonWriter? _writer;
    private JsonEncodedText[]? _names;
    private string? _error;

    public long Line { get; private set; }

    public string LineWord => "line";

    public bool WritesJson => true;

    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken)
    {
        if (_names is null)
        {
            if (!await ReadRowAsync(cancellationToken).ConfigureAwait(false))
            {
                return false;
            }

            _names = ReadHeader();
        }

        return await ReadRowAsync(cancellationToken).ConfigureAwait(false);
    }

    public string? Take(out ReadOnlyMemory<byte> json)
    {
        json = default;
        if (_error is null && _row.Count != _names!.Length)
        {
            _error = string.Create(CultureInfo.InvariantCulture, $"{_row.Count} fields, but the header has {_names.Length}");
        }

        return _error ?? WriteJson(out json);
    }

    public async ValueTask DisposeAsync()
    {
        _lines.Dispose();
        if (_writer is not null)
        {
            await _writer.DisposeAsync().ConfigureAwait(false);
        }

        await stream.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask<bool> ReadRowAsync(CancellationToken cancellationToken)
    {
        do
        {
            if (!await _lines.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                return false;
            }
        }
        while (!_lines.TooLong && _lines.Line.Span is [] or [(byte)'\r']);

        Line = _lines.Number;
        _error = null;
        _row.Clear();
        while (!_lines.TooLong)
        {
            RowState state = _row.Add(_lines.Line.Span);
            if (state == RowState.Malformed)
            {
                _error = string.Create(
                    CultureInfo.InvariantCulture, $"field {_row.Count} has text after its closing quote; a quote inside a quoted field is doubled");
            }

            if (_row.Length > maxRecordBytes)
            {
                break;
            }

            if (state != RowState.Open)
            {
                return true;
            }

            if (!await _lines.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                _error = "a quote is opened and never closed";
                return true;
            }
        }

        _error = JsonRecord.TooLong(maxRecordBytes) + (_row.Length > 0 ? "; perhaps a quote is not closed" : "");
        return true;
    }

    private JsonEncodedText[] ReadHeader()
    {
        if (_error is not null)
        {
            throw Header(_error);
        }

        var names = new JsonEncodedText[_row.Count];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < names.Length; i++)
        {
            if (!Utf8.IsValid(_row[i]))
            {
                throw Header("it is not valid UTF-8");
            }

            string name = Encoding.UTF8.GetString(_row[i]);
            if (string.IsNullOrWhiteSpace(name))
            {
                throw Header(string.Create(CultureInfo.InvariantCulture, $"column {i + 1} has no name"));
            }

            if (!seen.Add(name))
            {
                throw Header($"two columns are named '{name}'");
            }

            names[i] = JsonEncodedText.Encode(name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        }

        return names;
    }

    private InvalidTextException Header(string what) => new(
        string.Create(CultureInfo.InvariantCulture, $"its header on line {Line} is wrong: {what}"),
        "the first row must give each column a name of its own");

    private string? WriteJson(out ReadOnlyMemory<byte> json)
    {
        _json.ResetWrittenCount();
        _writer ??= new Utf8JsonWriter(
            _json, new JsonWriterOptions { SkipValidation = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        _writer.Reset();
        _writer.WriteStartObject();
        for (int i = 0; i < _names!.Length; i++)
        {
            ReadOnlySpan<byte> value = _row[i];
            if (!Utf8.IsValid(value))
            {
                json = default;
                return $"not valid UTF-8 in column '{_names[i]}'";
            }

            _writer.WriteString(_names[i], value);
        }

        _writer.WriteEndObject();
        _writer.Flush();
        json = _json.WrittenSpan.ToArray();
        return null;
    }
}
