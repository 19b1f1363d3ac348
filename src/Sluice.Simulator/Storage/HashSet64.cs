using System.Runtime.CompilerServices;

namespace Sluice.Simulator.Storage;

/// <summary>A set of 64-bit hashes in one flat array: 11 to 22 bytes for each, no object per entry.</summary>
internal sealed class HashSet64
{
    private ulong[] _slots = new ulong[1024];
    private bool _hasZero;

    public int Count { get; private set; }

    /// <returns>False when the hash was there already.</returns>
    public bool Add(ulong hash)
    {
        if (hash == 0)
        {
            var added = !_hasZero;
            _hasZero = true;
            Count += added ? 1 : 0;
            return added;
        }

        if (!Insert(_slots, hash))
        {
            return false;
        }

        Count++;
        if (Count > _slots.Length / 4 * 3)
        {
            Grow();
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Insert(ulong[] slots, ulong hash)
    {
        var mask = slots.Length - 1;
        var index = (int)StableHash.Mix(hash) & mask;
        while (slots[index] != 0)
        {
            if (slots[index] == hash)
            {
                return false;
            }

            index = (index + 1) & mask;
        }

        slots[index] = hash;
        return true;
    }

    private void Grow()
    {
        var larger = new ulong[_slots.Length * 2];
        foreach (var hash in _slots)
        {
            if (hash != 0)
            {
                Insert(larger, hash);
            }
        }

        _slots = larger;
    }
}
