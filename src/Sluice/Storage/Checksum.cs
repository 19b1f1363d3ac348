using System.Buffers.Binary;
using System.Numerics;

namespace Sluice.Storage;

/// <summary>CRC-32C (Castagnoli, as in RFC 3720): tells that bytes are not those that were written. Eight bytes per instruction where the processor has one.</summary>
internal static class Checksum
{
    /// <summary>Returns the checksum of bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => Finish(Append(Start, bytes));

    /// <summary>Gets the state before the first byte.</summary>
    public static uint Start => uint.MaxValue;

    /// <summary>Returns the state after more bytes.</summary>
    public static uint Append(uint state, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (var b in bytes)
        {
            state = BitOperations.Crc32C(state, b);
        }

        return state;
    }

    /// <summary>Turns the last state into the checksum.</summary>
    public static uint Finish(uint state) => ~state;
}
