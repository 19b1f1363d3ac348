using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Sluice.Requests;

/// <summary>Reads JSON strings that .NET's own reader refuses: half a surrogate pair, as left by a model cut in an emoji, becomes U+FFFD.</summary>
internal static class JsonText
{
    /// <summary>Returns the string or property name under the reader.</summary>
    public static string Read(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Unescape(reader.ValueSpan);
        }
    }

    /// <summary>Returns a JSON document without line breaks, as it is when it has none: some providers indent live answers, and none those of batches.</summary>
    public static ReadOnlyMemory<byte> SingleLine(ReadOnlyMemory<byte> json)
    {
        if (json.Span.IndexOfAny((byte)'\n', (byte)'\r') < 0)
        {
            return json;
        }

        var line = new byte[json.Length];
        var length = 0;
        var isText = false;
        var source = json.Span;
        for (var i = 0; i < source.Length; i++)
        {
            var c = source[i];
            if (isText && c == (byte)'\\' && i + 1 < source.Length)
            {
                line[length++] = c;
                c = source[++i];
            }
            else if (c == (byte)'"')
            {
                isText = !isText;
            }

            if (isText || c is not ((byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n'))
            {
                line[length++] = c;
            }
        }

        // A string with a raw line feed in it is no JSON.
        return isText || line.AsSpan(0, length).IndexOfAny((byte)'\n', (byte)'\r') >= 0 ? json : line.AsMemory(0, length);
    }

    /// <summary>Returns the string of an element.</summary>
    public static string Read(JsonElement element)
    {
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Unescape(JsonMarshal.GetRawUtf8Value(element)[1..^1]);
        }
    }

    /// <summary>Resolves the escapes of a string whose syntax the reader has checked.</summary>
    private static string Unescape(ReadOnlySpan<byte> escaped)
    {
        var source = Encoding.UTF8.GetString(escaped);
        var text = new StringBuilder(source.Length);
        for (var i = 0; i < source.Length; i++)
        {
            if (source[i] != '\\')
            {
                text.Append(source[i]);
                continue;
            }

            switch (source[++i])
            {
                case 'u':
                    text.Append((char)ushort.Parse(source.AsSpan(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                    i += 4;
                    break;
                case var c:
                    text.Append(c switch { 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', _ => c });
                    break;
            }
        }

        // There and back: what UTF-8 cannot hold becomes U+FFFD.
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.ToString()));
    }
}
