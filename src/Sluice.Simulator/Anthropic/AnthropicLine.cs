using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Sluice.Simulator.Anthropic;

/// <summary>The parts of one element of <c>requests</c>, as ranges in it.</summary>
internal readonly record struct AnthropicLine(Range CustomId, Range Params, bool HasCustomId, bool HasParams, string? UnknownField)
{
    /// <summary>Finds the parts of a valid JSON object.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static AnthropicLine Read(ReadOnlySpan<byte> element)
    {
        var parts = default(AnthropicLine);
        var reader = new Utf8JsonReader(element);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isId = reader.ValueTextEquals("custom_id"u8);
            var isParams = reader.ValueTextEquals("params"u8);
            var unknown = isId || isParams ? null : reader.GetString();
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            var kind = reader.TokenType;
            reader.Skip();
            var range = new Range(start, (int)reader.BytesConsumed);
            parts = (isId, isParams) switch
            {
                (true, _) => parts with { CustomId = range, HasCustomId = kind == JsonTokenType.String },
                (_, true) => parts with { Params = range, HasParams = kind == JsonTokenType.StartObject },
                _ => parts with { UnknownField = parts.UnknownField ?? unknown },
            };
        }

        return parts;
    }
}
