using System.Buffers;

namespace Sluice.Storage;

/// <summary>
/// Many short byte strings side by side in one rented array, filled up and emptied as a whole. Single arrays, which live just long enough to be
/// promoted, made the heap twice as large as everything else (bench/memory).
/// </summary>
internal sealed class PooledBytes(int capacity) : IDisposable
{
    private byte[] _array = [];
    private int _used;

    /// <summary>Gets how many bytes are taken.</summary>
    public int Used => _used;

    /// <summary>Tells whether so many more bytes fit. An empty store takes anything.</summary>
    public bool Fits(int length) => _used == 0 || _used + length <= _array.Length;

    /// <summary>Copies bytes in; valid until <see cref="Clear"/>. Ask <see cref="Fits"/> first.</summary>
    public ReadOnlyMemory<byte> Add(ReadOnlySpan<byte> bytes)
    {
        if (_array.Length == 0 || (_used == 0 && bytes.Length > _array.Length))
        {
            Return();
            _array = ArrayPool<byte>.Shared.Rent(Math.Max(capacity, bytes.Length));
        }

        bytes.CopyTo(_array.AsSpan(_used));
        var copy = _array.AsMemory(_used, bytes.Length);
        _used += bytes.Length;
        return copy;
    }

    /// <summary>Forgets everything; an array that grew for one huge string is given back.</summary>
    public void Clear()
    {
        _used = 0;
        if (_array.Length > 2 * capacity)
        {
            Return();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Return();

    private void Return()
    {
        if (_array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_array);
            _array = [];
        }

        _used = 0;
    }
}
