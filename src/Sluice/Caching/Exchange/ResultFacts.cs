using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Sluice.Providers;

namespace Sluice.Caching.Exchange;

/// <summary>What a result line, the answer in it and the file's name tell beside the answer.</summary>
internal static partial class ResultFacts
{
    /// <summary>Reads which request a line answers, the batch that made it where the line says so, and whether it is written as Anthropic does, or as OpenAI does; null: as neither.</summary>
    /// <exception cref="FormatException">It is no result line.</exception>
    public static (ReadOnlyMemory<byte> CustomId, string? Batch, bool? IsAnthropic) Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line.Span);
            JsonSlice.RequireObject(ref reader, "a result line");
            ReadOnlyMemory<byte> customId = default, batch = default;
            bool? isAnthropic = null;
            while (JsonSlice.NextMember(ref reader))
            {
                var member = JsonSlice.Is(ref reader, "custom_id"u8) ? 'c' : JsonSlice.Is(ref reader, "batch_id"u8) ? 'b' : ' ';
                isAnthropic = JsonSlice.Is(ref reader, "response"u8) ? false : JsonSlice.Is(ref reader, "result"u8) ? isAnthropic ?? true : isAnthropic;
                reader.Read();
                switch (member)
                {
                    case 'c':
                        customId = JsonSlice.Utf8(ref reader, line);
                        break;
                    case 'b':
                        batch = JsonSlice.Utf8(ref reader, line);
                        break;
                    default:
                        reader.Skip();
                        break;
                }
            }

            return customId.IsEmpty ? throw new FormatException("a result line has no custom_id") : (customId, batch.IsEmpty ? null : Encoding.UTF8.GetString(batch.Span), isAnthropic);
        }
        catch (JsonException error)
        {
            throw new FormatException($"a result line is no JSON: {error.Message}", error);
        }
    }

    /// <summary>Returns when an answer was made, as OpenAI's say; null when it does not say.</summary>
    public static DateTimeOffset? CreatedAt(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body);
        reader.Read();
        while (JsonSlice.NextMember(ref reader))
        {
            var isTime = JsonSlice.Is(ref reader, "created"u8) || JsonSlice.Is(ref reader, "created_at"u8);
            reader.Read();
            if (isTime && reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var seconds) && seconds is > 0 and < 253402300800)
            {
                return DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000));
            }

            reader.Skip();
        }

        return null;
    }

    /// <summary>Returns the batch's id when the file is named after it, as the vendors' consoles do, else the file's name.</summary>
    public static string BatchOf(string path) => BatchId().Match(Path.GetFileName(path)) is { Success: true } match ? match.Value : Path.GetFileName(path);

    [GeneratedRegex("(msg)?batch_([A-Za-z0-9]{16,}|(?=[A-Za-z]*[0-9])[A-Za-z0-9]{6,})")]
    private static partial Regex BatchId();
}
