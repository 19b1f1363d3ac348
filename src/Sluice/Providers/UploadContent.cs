using System.Net;

namespace Sluice.Providers;

/// <summary>A large body that tells how far it was sent: a slow line is not a dead one, and what was not sent whole cannot have been carried out.</summary>
internal sealed class UploadContent : HttpContent
{
    /// <summary>How long an upload may stand still.</summary>
    internal static readonly TimeSpan Silence = TimeSpan.FromMinutes(5);

    private readonly HttpContent _inner;
    private readonly Action<long>? _sent;
    private readonly long? _length;
    private Action? _moved;
    private long _sentBytes;
    private volatile bool _mayBeWhole;

    /// <summary>Creates the body; the inner one is disposed of by whoever made it.</summary>
    /// <param name="inner">What is sent.</param>
    /// <param name="sent">Told how many bytes were handed to the connection; may be null.</param>
    public UploadContent(HttpContent inner, Action<long>? sent)
    {
        _inner = inner;
        _sent = sent;
        _length = inner.Headers.ContentLength;
        _mayBeWhole = _length is null;
        foreach (var (name, values) in inner.Headers.NonValidated)
        {
            Headers.TryAddWithoutValidation(name, values);
        }
    }

    /// <summary>Gets whether the provider may have the whole body by now; never false again.</summary>
    public bool MayBeWhole => _mayBeWhole;

    /// <summary>Gets how many bytes were handed to the connection.</summary>
    public long SentBytes => Interlocked.Read(ref _sentBytes);

    /// <summary>Sets what is called after each piece.</summary>
    public void OnMoved(Action moved) => _moved = moved;

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    /// <inheritdoc/>
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Interlocked.Exchange(ref _sentBytes, 0);
        var counting = new CountingStream(stream, this);
        await using var _ = counting.ConfigureAwait(false);
        await _inner.CopyToAsync(counting, context, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = _length ?? 0;
        return _length is not null;
    }

    private void Begin(int bytes) => _mayBeWhole |= SentBytes + bytes >= _length;

    private void End(int bytes)
    {
        _sent?.Invoke(Interlocked.Add(ref _sentBytes, bytes));
        _moved?.Invoke();
    }

    /// <summary>Counts what passes; the connection's own stream stays open.</summary>
    private sealed class CountingStream(Stream target, UploadContent content) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => target.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => target.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("write asynchronously");

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            content.Begin(buffer.Length);
            await target.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
            content.End(buffer.Length);
        }
    }
}
