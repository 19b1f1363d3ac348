using System.Text.Json;

namespace Sluice.Providers;

/// <summary>One line of a batch's input: what was asked, and under which id.</summary>
/// <param name="CustomId">The id, which the result line repeats.</param>
/// <param name="Endpoint">The endpoint's path; empty where the lines do not name one.</param>
/// <param name="Body">The request body.</param>
public readonly record struct BatchInput(ReadOnlyMemory<byte> CustomId, ReadOnlyMemory<byte> Endpoint, ReadOnlyMemory<byte> Body)
{
    /// <summary>Reads a line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="bodyName">The member that holds the body.</param>
    /// <exception cref="FormatException">It is no input line.</exception>
    internal static BatchInput Read(ReadOnlyMemory<byte> line, ReadOnlySpan<byte> bodyName)
    {
        try
        {
            var reader = new Utf8JsonReader(line.Span);
            JsonSlice.RequireObject(ref reader, "an input line");
            ReadOnlyMemory<byte> customId = default, endpoint = default, body = default;
            while (JsonSlice.NextMember(ref reader))
            {
                if (JsonSlice.Is(ref reader, "custom_id"u8))
                {
                    reader.Read();
                    customId = JsonSlice.Utf8(ref reader, line);
                }
                else if (JsonSlice.Is(ref reader, "url"u8))
                {
                    reader.Read();
                    endpoint = JsonSlice.Utf8(ref reader, line);
                }
                else
                {
                    var isBody = JsonSlice.Is(ref reader, bodyName);
                    reader.Read();
                    if (isBody)
                    {
                        body = JsonSlice.Raw(ref reader, line);
                    }
                    else
                    {
                        reader.Skip();
                    }
                }
            }

            return customId.IsEmpty || body.IsEmpty || body.Span[0] != (byte)'{'
                ? throw new FormatException("an input line has no custom_id or no request")
                : new BatchInput(customId, endpoint, body);
        }
        catch (JsonException error)
        {
            throw new FormatException($"an input line is no JSON: {error.Message}", error);
        }
    }
}
