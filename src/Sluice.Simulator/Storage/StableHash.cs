using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Sluice.Simulator.Storage;

/// <summary>A quick 64-bit hash that is the same in every process, for answers, indexes and sets; not for secrets.</summary>
internal static class StableHash
{
    private const ulong A = 0xa0761d6478bd642f;
    private const ulong B = 0xe7037ed1a0b428db;
    private const ulong C = 0x8ebc6af09c88c6e3;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ulong Of(ReadOnlySpan<byte> bytes, ulong seed = 0)
    {
        var hash = seed ^ Fold((ulong)bytes.Length ^ A, B);
        while (bytes.Length >= 16)
        {
            hash = Fold(BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ B, BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) ^ hash);
            bytes = bytes[16..];
        }

        if (bytes.Length >= 8)
        {
            hash = Fold(BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ C, hash ^ A);
            bytes = bytes[8..];
        }

        ulong tail = 0;
        foreach (var value in bytes)
        {
            tail = (tail << 8) | value;
        }

        return Mix(Fold(tail ^ B, hash ^ C));
    }

    public static ulong Mix(ulong value) => Fold(value ^ A, C);

    private static ulong Fold(ulong left, ulong right)
    {
        var high = Math.BigMul(left, right, out var low);
        return high ^ low;
    }
}
