using System.Runtime.InteropServices;
using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>Which keys were added, in memory that does not grow: never wrong about one that was, and seldom about one that was not. Thread-safe.</summary>
/// <remarks>A Bloom filter of eight bits a key: keys are hashes already, so that their own bits are taken. Of a million keys that were not added to a million, none is mistaken.</remarks>
internal sealed class KeyFilter
{
    private const int BitsLog2 = 27;
    private const int Probes = RequestKey.Length / sizeof(uint);

    // 16 MiB, once there is something to remember.
    private readonly Lazy<long[]> _bits = new(() => new long[1 << (BitsLog2 - 6)]);
    private long _set;

    /// <summary>Gets whether nothing was added.</summary>
    public bool IsEmpty => Interlocked.Read(ref _set) == 0;

    /// <summary>Gets the probability that a key which was not added is taken for one that was.</summary>
    public double ErrorRate => Math.Pow(Interlocked.Read(ref _set) / (double)(1L << BitsLog2), Probes);

    /// <summary>Adds a key.</summary>
    public void Add(RequestKey key)
    {
        foreach (var probe in Words(ref key))
        {
            var (word, bit) = Place(probe);
            if ((Interlocked.Or(ref _bits.Value[word], bit) & bit) == 0)
            {
                Interlocked.Increment(ref _set);
            }
        }
    }

    /// <summary>Tells whether a key was added; wrong, now and then, about one that was not.</summary>
    public bool MayHave(RequestKey key)
    {
        if (IsEmpty)
        {
            return false;
        }

        foreach (var probe in Words(ref key))
        {
            var (word, bit) = Place(probe);
            if ((Volatile.Read(ref _bits.Value[word]) & bit) == 0)
            {
                return false;
            }
        }

        return true;
    }

    private static ReadOnlySpan<uint> Words(ref RequestKey key) => MemoryMarshal.Cast<RequestKey, uint>(MemoryMarshal.CreateReadOnlySpan(in key, 1));

    private static (int Word, long Bit) Place(uint probe) => ((int)(probe >> (32 - BitsLog2 + 6)), 1L << (int)((probe >> (32 - BitsLog2)) & 63));
}
