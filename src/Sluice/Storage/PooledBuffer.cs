using System.Buffers;

namespace Sluice.Storage;

/// <summary>
/// A buffer that grows as it is written to, over an array that is rented and given back. What outgrows 85 KB a thousand times a second would
/// otherwise fill the large object heap, which is collected last (bench/memory).
/// </summary>
internal sealed class PooledBuffer(int capacity) : IBufferWriter<byte>, IDisposable
{
    private byte[] _array = [];

    /// <summary>Gets how many bytes have been written.</summary>
    public int WrittenCount { get; private set; }

    /// <summary>Gets what has been written; valid until the next write.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => _array.AsMemory(0, WrittenCount);

    /// <inheritdoc cref="WrittenMemory"/>
    public ReadOnlySpan<byte> WrittenSpan => _array.AsSpan(0, WrittenCount);

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _array.Length - WrittenCount);
        WrittenCount += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _array.AsMemory(WrittenCount);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _array.AsSpan(WrittenCount);
    }

    /// <summary>Forgets what was written and gives the array back; the buffer can be written to again.</summary>
    public void Dispose()
    {
        WrittenCount = 0;
        Return();
    }

    private void MakeRoom(int sizeHint)
    {
        var needed = checked(WrittenCount + Math.Max(1, sizeHint));
        if (needed <= _array.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _array.Length == 0 ? capacity : (int)Math.Min(2L * _array.Length, Array.MaxLength)));
        WrittenSpan.CopyTo(larger);
        Return();
        _array = larger;
    }

    private void Return()
    {
        if (_array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_array);
            _array = [];
        }
    }
}
