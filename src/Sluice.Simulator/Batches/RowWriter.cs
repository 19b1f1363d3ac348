using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sluice.Simulator.Faults;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Batches;

/// <summary>Writes rows of a result file into a buffer that goes to disk in large pieces, with the formatting faults of the batch.</summary>
internal sealed class RowWriter : IAsyncDisposable
{
    private const int FlushAt = 128 * 1024;
    private readonly FileStream _stream;
    private readonly ArrayBufferWriter<byte> _buffer = new(FlushAt + (32 * 1024));
    private readonly byte[] _end;
    private readonly bool _noFinalNewline;

    public RowWriter(string path, FaultSet faults)
    {
        _stream = DataFiles.Create(path);
        Json = new Utf8JsonWriter(_buffer, new JsonWriterOptions
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            SkipValidation = true,
        });
        _end = (faults.Has(FaultKind.Crlf), faults.Has(FaultKind.BlankLines)) switch
        {
            (true, true) => "\r\n\r\n"u8.ToArray(),
            (true, false) => "\r\n"u8.ToArray(),
            (false, true) => "\n\n"u8.ToArray(),
            _ => "\n"u8.ToArray(),
        };
        _noFinalNewline = faults.Has(FaultKind.NoFinalNewline);
        if (faults.Has(FaultKind.Bom))
        {
            _buffer.Write("\uFEFF"u8);
        }
    }

    /// <summary>Gets the writer for the row that is being written.</summary>
    public Utf8JsonWriter Json { get; }

    public long Rows { get; private set; }

    public bool WantsFlush => _buffer.WrittenCount >= FlushAt;

    /// <summary>Ends the row.</summary>
    /// <param name="times">1, or 2 to write it twice.</param>
    public void EndRow(int start, int times = 1)
    {
        Json.Flush();
        Json.Reset();
        _buffer.Write(_end);
        for (Rows++; times > 1; times--)
        {
            var row = _buffer.WrittenSpan[start..].ToArray();
            _buffer.Write(row);
        }
    }

    /// <summary>Begins a row.</summary>
    /// <returns>Where it begins in the buffer.</returns>
    public int BeginRow() => _buffer.WrittenCount;

    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        await _stream.WriteAsync(_buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        _buffer.ResetWrittenCount();
    }

    /// <summary>Writes what is left.</summary>
    /// <returns>The bytes of the file.</returns>
    public async ValueTask<long> CompleteAsync(CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        if (_noFinalNewline && Rows > 0)
        {
            _stream.SetLength(_stream.Length - _end.Length);
        }

        return _stream.Length;
    }

    public async ValueTask DisposeAsync()
    {
        await Json.DisposeAsync().ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
    }
}
