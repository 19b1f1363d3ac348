using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Sluice.Configuration.Overrides;

/// <summary>Shuffles in an order that the seed alone decides, on every machine and in every version of .NET.</summary>
internal static class SeededShuffle
{
    public static T[] Of<T>(IReadOnlyList<T> items, string seed)
    {
        T[] shuffled = [.. items];
        ulong state = BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(seed)));
        for (int last = shuffled.Length - 1; last > 0; last--)
        {
            int other = (int)(Next(ref state) % (ulong)(last + 1));
            (shuffled[last], shuffled[other]) = (shuffled[other], shuffled[last]);
        }

        return shuffled;
    }

    // SplitMix64.
    private static ulong Next(ref ulong state)
    {
        ulong mixed = state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
