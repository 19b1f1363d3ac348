using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sluice.Requests;

/// <summary>Writes JSON in the canonical form of RFC 8785: no white space, members sorted by UTF-16 code units, ECMAScript numbers.</summary>
internal static class CanonicalJson
{
    /// <summary>From here on not every whole number is a double: 2^53.</summary>
    private const double FirstGap = 9007199254740992;

    private static readonly SearchValues<char> NeedsEscape = SearchValues.Create(
        "\"\\\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f");

    /// <summary>Returns the canonical bytes of a node.</summary>
    public static byte[] Serialize(JsonNode? node)
    {
        var output = new ArrayBufferWriter<byte>();
        Write(node, output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Writes a node; null is the JSON null.</summary>
    /// <exception cref="FormatException">A number has no exact double, or is not finite.</exception>
    public static void Write(JsonNode? node, IBufferWriter<byte> output)
    {
        switch (node)
        {
            case null:
                output.Write("null"u8);
                break;
            case JsonObject members:
                output.Write("{"u8);
                var first = true;
                foreach (var (name, value) in members.OrderBy(m => m.Key, StringComparer.Ordinal))
                {
                    if (!first)
                    {
                        output.Write(","u8);
                    }

                    first = false;
                    WriteString(name, output);
                    output.Write(":"u8);
                    Write(value, output);
                }

                output.Write("}"u8);
                break;
            case JsonArray items:
                output.Write("["u8);
                for (var i = 0; i < items.Count; i++)
                {
                    if (i > 0)
                    {
                        output.Write(","u8);
                    }

                    Write(items[i], output);
                }

                output.Write("]"u8);
                break;
            default:
                WriteScalar(node.AsValue(), output);
                break;
        }
    }

    /// <summary>Writes a JSON string. A lone surrogate, which UTF-8 cannot hold, becomes U+FFFD.</summary>
    public static void WriteString(ReadOnlySpan<char> text, IBufferWriter<byte> output)
    {
        output.Write("\""u8);
        while (!text.IsEmpty)
        {
            var plain = text.IndexOfAny(NeedsEscape);
            var run = plain < 0 ? text : text[..plain];
            if (!run.IsEmpty)
            {
                Encoding.UTF8.GetBytes(run, output);
            }

            if (plain < 0)
            {
                break;
            }

            WriteEscape(text[plain], output);
            text = text[(plain + 1)..];
        }

        output.Write("\""u8);
    }

    /// <summary>Formats a number as ECMAScript's <c>Number.prototype.toString</c> does, which RFC 8785 section 3.2.2.3 asks for.</summary>
    public static string FormatNumber(double value)
    {
        if (!double.IsFinite(value))
        {
            throw new FormatException("a number must be finite");
        }

        if (value == 0)
        {
            return "0";
        }

        // "E16" style output is not shortest; "R" is, but switches to exponents at other places than ECMAScript.
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var negative = shortest[0] == '-';
        var mantissa = negative ? shortest[1..] : shortest;
        var exponent = 0;
        var e = mantissa.IndexOf('E', StringComparison.Ordinal);
        if (e >= 0)
        {
            exponent = int.Parse(mantissa.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            mantissa = mantissa[..e];
        }

        var dot = mantissa.IndexOf('.', StringComparison.Ordinal);
        var digits = dot < 0 ? mantissa : mantissa.Remove(dot, 1);
        var point = (dot < 0 ? mantissa.Length : dot) + exponent;
        var leading = digits.Length - digits.TrimStart('0').Length;
        digits = digits[leading..].TrimEnd('0');
        point -= leading;
        var text = (digits.Length, point) switch
        {
            ( < 0, _) => throw new FormatException("unreachable: a number has digits"),
            var (k, n) when k <= n && n <= 21 => digits + new string('0', n - k),
            var (_, n) when n is > 0 and <= 21 => $"{digits[..n]}.{digits[n..]}",
            var (_, n) when n is > -6 and <= 0 => $"0.{new string('0', -n)}{digits}",
            var (k, n) => $"{digits[..1]}{(k > 1 ? "." + digits[1..] : "")}e{(n - 1 < 0 ? "-" : "+")}{Math.Abs(n - 1)}",
        };
        return negative ? "-" + text : text;
    }

    private static void WriteScalar(JsonValue value, IBufferWriter<byte> output)
    {
        switch (value.GetValueKind())
        {
            case JsonValueKind.String:
                WriteString(value.GetValue<string>(), output);
                break;
            case JsonValueKind.True:
                output.Write("true"u8);
                break;
            case JsonValueKind.False:
                output.Write("false"u8);
                break;
            case JsonValueKind.Null:
                output.Write("null"u8);
                break;
            default:
                var literal = value.ToJsonString();
                var number = double.Parse(literal, NumberStyles.Float, CultureInfo.InvariantCulture);
                var text = FormatNumber(number);
                if (Math.Abs(number) >= FirstGap && !IsSameInteger(literal, text))
                {
                    throw new FormatException($"the number {literal} cannot be sent exactly; write it as a string if the provider accepts one");
                }

                Encoding.ASCII.GetBytes(text, output);
                break;
        }
    }

    private static bool IsSameInteger(string literal, string sent) =>
        BigInteger.TryParse(literal, NumberStyles.Float, CultureInfo.InvariantCulture, out var meant)
        && BigInteger.TryParse(sent, NumberStyles.Float, CultureInfo.InvariantCulture, out var said) && meant == said;

    private static void WriteEscape(char c, IBufferWriter<byte> output)
    {
        ReadOnlySpan<byte> escape = c switch
        {
            '"' => "\\\""u8,
            '\\' => "\\\\"u8,
            '\b' => "\\b"u8,
            '\t' => "\\t"u8,
            '\n' => "\\n"u8,
            '\f' => "\\f"u8,
            '\r' => "\\r"u8,
            _ => default,
        };
        if (!escape.IsEmpty)
        {
            output.Write(escape);
            return;
        }

        var span = output.GetSpan(6);
        "\\u00"u8.CopyTo(span);
        span[4] = (byte)"0123456789abcdef"[c >> 4];
        span[5] = (byte)"0123456789abcdef"[c & 15];
        output.Advance(6);
    }
}
