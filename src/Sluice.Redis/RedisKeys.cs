using System.Text;
using Sluice.Requests;
using StackExchange.Redis;

namespace Sluice.Caching;

/// <summary>The names of a store's keys in Redis: <c>PREFIX:r:KEY</c> for responses, <c>PREFIX:s</c> for the mark that a sync sets.</summary>
internal sealed class RedisKeys
{
    private readonly byte[] _start;

    public RedisKeys(string prefix)
    {
        _start = Encoding.UTF8.GetBytes(prefix + ":r:");
        // As many characters as a key has: a prefix that goes on where this one ends is another store.
        Pattern = Escape(prefix) + ":r:" + new string('?', RequestKey.TextLength);
        Mark = prefix + ":s";
    }

    /// <summary>Gets the pattern that the names of all responses match.</summary>
    public string Pattern { get; }

    /// <summary>Gets the name of the mark.</summary>
    public RedisKey Mark { get; }

    /// <summary>Returns the name of a response.</summary>
    public RedisKey Name(RequestKey key)
    {
        var name = new byte[_start.Length + RequestKey.TextLength];
        _start.CopyTo(name, 0);
        key.WriteText(name.AsSpan(_start.Length));
        return name;
    }

    /// <summary>Tells whose response has a name; false when the name is none of a response.</summary>
    public bool TryParse(RedisKey name, out RequestKey key)
    {
        key = default;
        ReadOnlySpan<byte> text = (byte[]?)name;
        return text.StartsWith(_start) && RequestKey.TryParse(text[_start.Length..], out key);
    }

    private static string Escape(string prefix)
    {
        var escaped = new StringBuilder();
        foreach (var letter in prefix)
        {
            (letter is '*' or '?' or '[' or ']' or '\\' or '^' ? escaped.Append('\\') : escaped).Append(letter);
        }

        return escaped.ToString();
    }
}
