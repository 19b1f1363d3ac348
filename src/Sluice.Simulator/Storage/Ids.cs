using System.Buffers.Text;
using System.Security.Cryptography;

namespace Sluice.Simulator.Storage;

/// <summary>Makes identifiers in the providers' forms.</summary>
internal static class Ids
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    public static string Random(string prefix, int length = 24) => prefix + RandomNumberGenerator.GetString(Letters, length);

    /// <summary>Writes a prefix and 16 hexadecimal digits of a hash, for ids that a repeated execution must repeat.</summary>
    public static ReadOnlySpan<byte> Derived(Span<byte> destination, ReadOnlySpan<byte> prefix, ulong hash)
    {
        prefix.CopyTo(destination);
        Utf8Formatter.TryFormat(hash, destination[prefix.Length..], out var written, new System.Buffers.StandardFormat('x', 16));
        return destination[..(prefix.Length + written)];
    }
}
