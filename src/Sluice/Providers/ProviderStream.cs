namespace Sluice.Providers;

/// <summary>A response body whose cut-off, long silence, endless dripping or endless flood ends in a <see cref="ProviderException"/> and whose disposal ends the call.</summary>
internal sealed class ProviderStream(Stream inner, HttpResponseMessage response, TimeProvider time) : Stream
{
    /// <summary>How long a download may stand still: a connection that died without a word would otherwise be waited for without end.</summary>
    internal static readonly TimeSpan Silence = TimeSpan.FromMinutes(2);

    /// <summary>For how long a download may be waited for while less than <see cref="LeastBytes"/> come: one that drips would never end.</summary>
    internal static readonly TimeSpan Dripping = TimeSpan.FromMinutes(10);

    /// <summary>What has to come while a download is waited for, for as long as <see cref="Dripping"/>: 1 KiB a second.</summary>
    internal const int LeastBytes = 600 * 1024;

    /// <summary>What no result file is larger than: 50,000 answers of 5 MiB each, with their log probabilities.</summary>
    internal const long MostBytes = 256L << 30;

    private TimeSpan _waited;
    private long _all;
    private long _came;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("read asynchronously");

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var silence = new CancellationTokenSource(Silence, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, silence.Token);
        var began = time.GetTimestamp();
        int read;
        try
        {
            read = await inner.ReadAsync(buffer, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ProviderException(new RequestError(ErrorClass.Transient, "timeout", $"the download stood still for {Silence.TotalSeconds:0} s"), outcomeUnknown: false, inner: error);
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            throw new ProviderException(new RequestError(ErrorClass.Transient, "network", $"the download was cut off: {error.Message}"), outcomeUnknown: false, inner: error);
        }

        // Only the waiting counts: what the reader does in between takes as long as it takes.
        _waited += time.GetElapsedTime(began);
        _came += read;
        _all += read;
        if (_all > MostBytes)
        {
            throw new ProviderException(new RequestError(ErrorClass.Transient, "endless", $"the download does not end: {MostBytes >> 30} GiB have come"), outcomeUnknown: false);
        }

        if (_waited >= Dripping && read > 0)
        {
            if (_came < LeastBytes)
            {
                throw new ProviderException(
                    new RequestError(ErrorClass.Transient, "timeout", $"the download drips: {_came} bytes in {_waited.TotalMinutes:0} minutes, less than 1 KiB a second"),
                    outcomeUnknown: false);
            }

            (_waited, _came) = (TimeSpan.Zero, 0);
        }

        return read;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            response.Dispose();
        }

        base.Dispose(disposing);
    }
}
