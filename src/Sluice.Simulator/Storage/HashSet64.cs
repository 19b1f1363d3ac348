using System.Runtime.CompilerServices;

namespace Sluice.Simulator.Storage;

/// <summary>A set of 64-bit hashes in flat arrays: 11 to 22 bytes for each, no object per entry.</summary>
/// <remarks>
/// It is cut into many small tables, so that growing copies little at a time and what is thrown away is small enough for
/// the garbage collector to take back soon.
/// </remarks>
internal sealed class HashSet64
{
    private const int Shards = 1024;
    private const int FirstSlots = 16;
    private readonly ulong[]?[] _tables = new ulong[Shards][];
    private readonly int[] _used = new int[Shards];
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

        var place = StableHash.Mix(hash);
        var shard = (int)(place >> 54);
        var table = _tables[shard] ??= new ulong[FirstSlots];
        if (!Insert(table, place, hash))
        {
            return false;
        }

        Count++;
        if (++_used[shard] > table.Length / 4 * 3)
        {
            _tables[shard] = Grow(table);
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Insert(ulong[] table, ulong place, ulong hash)
    {
        var mask = table.Length - 1;
        var index = (int)place & mask;
        while (table[index] != 0)
        {
            if (table[index] == hash)
            {
                return false;
            }

            index = (index + 1) & mask;
        }

        table[index] = hash;
        return true;
    }

    private static ulong[] Grow(ulong[] table)
    {
        var larger = new ulong[table.Length * 2];
        foreach (var hash in table)
        {
            if (hash != 0)
            {
                Insert(larger, StableHash.Mix(hash), hash);
            }
        }

        return larger;
    }
}
