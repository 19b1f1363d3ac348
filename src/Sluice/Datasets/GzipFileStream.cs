using System.IO.Compression;

namespace Sluice.Datasets;

/// <summary>Unpacks gzip and, unlike <see cref="GZipStream"/>, fails when the data is cut off.</summary>
/// <remarks>
/// The stream of the runtime ends silently wherever its input ends, and a dataset that was cut off would pass for a smaller one.
/// So one more gzip part, an end mark, is appended to the file's: gzip parts may follow each other, hence the mark comes out
/// at the end exactly when everything before it was whole.
/// </remarks>
internal sealed class GzipFileStream : Stream
{
    private const int BlockSize = 64 * 1024;
    private readonly Input _input;
    private readonly GZipStream _gzip;
    private readonly byte[] _buffer = new byte[BlockSize];
    private int _start;
    private int _end;
    private bool _ended;

    /// <summary>Takes over a file that is not empty.</summary>
    public GzipFileStream(Stream file)
    {
        _input = new Input(file);
        _gzip = new GZipStream(_input, CompressionMode.Decompress);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    private static ReadOnlySpan<byte> Mark => "sluice:end"u8;

    // "sluice:end" as gzip with fixed Huffman codes, so that the mark's own bytes do not occur in it.
    private static ReadOnlySpan<byte> PackedMark =>
    [
        0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
        0x2B, 0xCE, 0x29, 0xCD, 0x4C, 0x4E, 0xB5, 0x4A, 0xCD, 0x4B,
        0x01, 0x00, 0x30, 0xC5, 0xA4, 0x01, 0x0A, 0x00, 0x00, 0x00,
    ];

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // What might be the mark is held back until the end is known; so is all that comes behind the file's last byte, the mark or what a cut made of it.
        while (!_ended && (_end - _start <= Mark.Length || _input.AtMark))
        {
            await FillAsync(cancellationToken).ConfigureAwait(false);
        }

        int count = Math.Min(buffer.Length, _end - _start - (_ended ? 0 : Mark.Length));
        _buffer.AsMemory(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await _gzip.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _gzip.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        int read;
        try
        {
            read = await _gzip.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException error) when (_input.AtMark)
        {
            throw new EndOfStreamException(error.Message, error);
        }

        _end += read;
        if (read > 0)
        {
            return;
        }

        if (!_buffer.AsSpan(0, _end).EndsWith(Mark))
        {
            throw new EndOfStreamException("no end of the gzip data before the end of the file");
        }

        _end -= Mark.Length;
        _ended = true;
    }

    /// <summary>The file with the packed mark behind it.</summary>
    private sealed class Input(Stream file) : Stream
    {
        private int _markRead = -1;

        public bool AtMark => _markRead >= 0;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int read = AtMark ? 0 : await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (read > 0)
            {
                return read;
            }

            _markRead = Math.Max(_markRead, 0);
            read = Math.Min(buffer.Length, PackedMark.Length - _markRead);
            PackedMark.Slice(_markRead, read).CopyTo(buffer.Span);
            _markRead += read;
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                file.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
