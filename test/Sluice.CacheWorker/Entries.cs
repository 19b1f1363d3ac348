using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.CacheWorker;

/// <summary>Entries that anybody can make again from their number, and so check.</summary>
public static class Entries
{
    private static readonly ResponseOrigin Origin = new("test", "m", "batch_1");

    /// <summary>Returns the entry of a number; its body has 100 to 20,000 bytes.</summary>
    public static CacheEntry Of(int number) => new(KeyOf(number), Body(number), new TokenUsage(number, 1)) { Origin = Origin };

    /// <summary>Returns the key of a number.</summary>
    public static RequestKey KeyOf(int number) => new(SHA256.HashData(BitConverter.GetBytes(number)));

    /// <summary>Throws unless a body is that of the number.</summary>
    public static void Require(int number, ReadOnlySpan<byte> body)
    {
        if (!body.SequenceEqual(Body(number)))
        {
            throw new InvalidOperationException($"entry {number}: {(body.IsEmpty ? "lost" : $"torn: {body.Length} bytes")}");
        }
    }

    private static byte[] Body(int number)
    {
        var text = new StringBuilder("{\"number\":").Append(number.ToString(CultureInfo.InvariantCulture)).Append(",\"text\":\"");
        var length = 100 + (number * 7919L % 100 == 0 ? 20_000 : (int)(number * 104_729L % 1500));
        for (var x = (ulong)number; text.Length < length;)
        {
            x = unchecked((x + 1) * 0x9E3779B97F4A7C15);
            text.Append(x.ToString("x16", CultureInfo.InvariantCulture));
        }

        return Encoding.UTF8.GetBytes(text.Append("\"}").ToString());
    }
}
