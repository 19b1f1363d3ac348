using System.Text;

namespace Sluice.Requests;

/// <summary>
/// The id of a batch line: <c>&lt;intent&gt;-&lt;key&gt;</c>. A result line thereby says by itself what it answers and whose it is.
/// </summary>
/// <remarks>Exactly 64 characters of <c>[A-Za-z0-9_-]</c>: what Anthropic allows, and therefore portable.</remarks>
internal static class CustomId
{
    /// <summary>The length of an intent's id.</summary>
    public const int IntentLength = 20;

    /// <summary>The length of a custom id.</summary>
    public const int Length = IntentLength + 1 + RequestKey.TextLength;

    /// <summary>Tells whether a text may be an intent's id: 20 characters of <c>[a-z2-7]</c>.</summary>
    public static bool IsIntent(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length == IntentLength && text.All(static c => c is (>= 'a' and <= 'z') or (>= '2' and <= '7'));
    }

    /// <summary>Writes the custom id of a request.</summary>
    public static void Write(string intent, RequestKey key, Span<byte> destination)
    {
        Encoding.ASCII.GetBytes(intent, destination);
        destination[IntentLength] = (byte)'-';
        key.WriteText(destination[(IntentLength + 1)..]);
    }

    /// <summary>Takes a custom id apart; false when it is none of ours.</summary>
    public static bool TryParse(ReadOnlySpan<byte> customId, out ReadOnlySpan<byte> intent, out RequestKey key)
    {
        intent = default;
        key = default;
        if (customId.Length != Length || customId[IntentLength] != (byte)'-')
        {
            return false;
        }

        intent = customId[..IntentLength];
        return RequestKey.TryParse(customId[(IntentLength + 1)..], out key);
    }
}
