using System.Runtime.InteropServices;
using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>Some hundred thousand keys, each by 8 of its bytes at a place that 8 others name: two keys are taken for one only where both agree. Thread-safe.</summary>
internal sealed class KeyTable
{
    private const int Places = 1 << 19;
    private const int MostKeys = Places / 4 * 3;

    // 4 MiB, once there is something to remember.
    private readonly Lazy<long[]> _places = new(() => new long[Places]);
    private int _keys;

    /// <summary>Gets whether nothing was added.</summary>
    public bool IsEmpty => Volatile.Read(ref _keys) == 0;

    /// <summary>Adds a key; false when there is no room for it.</summary>
    public bool TryAdd(RequestKey key)
    {
        var (place, value) = Split(ref key);
        for (; ; place = (place + 1) & (Places - 1))
        {
            var there = Volatile.Read(ref _places.Value[place]);
            if (there == value)
            {
                return true;
            }

            if (there != 0)
            {
                continue;
            }

            if (Volatile.Read(ref _keys) >= MostKeys)
            {
                return false;
            }

            var before = Interlocked.CompareExchange(ref _places.Value[place], value, 0);
            if (before == 0)
            {
                Interlocked.Increment(ref _keys);
            }

            if (before == 0 || before == value)
            {
                return true;
            }
        }
    }

    /// <summary>Tells whether a key was added.</summary>
    public bool Has(RequestKey key)
    {
        if (IsEmpty)
        {
            return false;
        }

        var (place, value) = Split(ref key);
        while (Volatile.Read(ref _places.Value[place]) is not 0 and var there)
        {
            if (there == value)
            {
                return true;
            }

            place = (place + 1) & (Places - 1);
        }

        return false;
    }

    private static (int Place, long Value) Split(ref RequestKey key)
    {
        var words = MemoryMarshal.Cast<RequestKey, long>(MemoryMarshal.CreateReadOnlySpan(in key, 1));
        // 0 is an empty place.
        return ((int)words[1] & (Places - 1), words[0] == 0 ? 1 : words[0]);
    }
}
