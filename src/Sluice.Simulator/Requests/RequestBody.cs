using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Requests;

/// <summary>What the simulator must know of a request body. One object is used for many bodies, so that a line costs no garbage.</summary>
internal sealed class RequestBody
{
    private readonly ArrayBufferWriter<byte> _prompt = new(1024);
    private readonly ArrayBufferWriter<byte> _model = new(64);
    private readonly LastUserText _lastUserText = new();

    /// <summary>Gets the text of the last user message.</summary>
    public ReadOnlySpan<byte> Prompt => _prompt.WrittenSpan;

    public ReadOnlySpan<byte> Model => _model.WrittenSpan;

    public bool HasModel { get; private set; }

    public bool HasInput { get; private set; }

    public bool Stream { get; private set; }

    public bool IncludeUsage { get; private set; }

    public long? MaxTokens { get; private set; }

    public int Choices { get; private set; }

    /// <summary>Gets the bytes of all that the model would read.</summary>
    public long InputBytes { get; private set; }

    /// <summary>Gets the hash of all fields but the transport's (<c>stream</c>, <c>stream_options</c>), whatever their order.</summary>
    public ulong Hash { get; private set; }

    public int InputTokens => (int)Math.Max(1, (InputBytes + 3) / 4);

    /// <summary>Reads a body.</summary>
    /// <param name="withPrompt">False to leave <see cref="Prompt"/> empty, which is quicker.</param>
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <returns>False when it is JSON, but no object.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Read(ReadOnlySpan<byte> body, Endpoint endpoint, bool withPrompt = true)
    {
        Reset();
        var reader = new Utf8JsonReader(body);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        var input = Range.All;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = FieldOf(ref reader, endpoint);
            var name = StableHash.Of(reader.ValueSpan);
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            var first = reader;
            reader.Skip();
            var value = body[start..(int)reader.BytesConsumed];
            if (field is not (Field.Stream or Field.StreamOptions))
            {
                Hash += StableHash.Of(value, name);
            }

            if (field == Field.Input)
            {
                input = new Range(start, start + value.Length);
            }

            Take(field, ref first, value);
        }

        if (HasInput && withPrompt)
        {
            _lastUserText.Read(body[input], _prompt);
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Field FieldOf(ref Utf8JsonReader reader, Endpoint endpoint) => reader.ValueSpan.Length switch
    {
        1 when reader.ValueTextEquals("n"u8) => Field.Choices,
        5 when reader.ValueTextEquals("model"u8) => Field.Model,
        5 when endpoint == Endpoint.Responses && reader.ValueTextEquals("input"u8) => Field.Input,
        5 when reader.ValueTextEquals("tools"u8) => Field.Context,
        6 when reader.ValueTextEquals("stream"u8) => Field.Stream,
        6 when reader.ValueTextEquals("system"u8) => Field.Context,
        8 when endpoint != Endpoint.Responses && reader.ValueTextEquals("messages"u8) => Field.Input,
        10 when endpoint != Endpoint.Responses && reader.ValueTextEquals("max_tokens"u8) => Field.MaxTokens,
        12 when reader.ValueTextEquals("instructions"u8) => Field.Context,
        14 when reader.ValueTextEquals("stream_options"u8) => Field.StreamOptions,
        17 when endpoint == Endpoint.Responses && reader.ValueTextEquals("max_output_tokens"u8) => Field.MaxTokens,
        21 when endpoint == Endpoint.ChatCompletions && reader.ValueTextEquals("max_completion_tokens"u8) => Field.MaxTokens,
        _ => Field.Other,
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Take(Field field, ref Utf8JsonReader value, ReadOnlySpan<byte> raw)
    {
        switch (field)
        {
            case Field.Model when value.TokenType == JsonTokenType.String && raw.Length > 2:
                HasModel = true;
                _model.Advance(value.CopyString(_model.GetSpan(raw.Length)));
                break;
            case Field.Input:
                HasInput = value.TokenType is JsonTokenType.StartArray or JsonTokenType.String && !raw.SequenceEqual("[]"u8);
                InputBytes += raw.Length;
                break;
            case Field.Context:
                InputBytes += raw.Length;
                break;
            case Field.MaxTokens when value.TokenType == JsonTokenType.Number && value.TryGetInt64(out var most):
                MaxTokens = most;
                break;
            case Field.Choices when value.TokenType == JsonTokenType.Number && value.TryGetInt32(out var choices):
                Choices = Math.Clamp(choices, 1, 128);
                break;
            case Field.Stream:
                Stream = value.TokenType == JsonTokenType.True;
                break;
            case Field.StreamOptions:
                IncludeUsage = raw.IndexOf("include_usage"u8) >= 0 && raw.IndexOf("true"u8) >= 0;
                break;
            default:
                break;
        }
    }

    private void Reset()
    {
        _prompt.ResetWrittenCount();
        _model.ResetWrittenCount();
        HasModel = HasInput = Stream = IncludeUsage = false;
        MaxTokens = null;
        Choices = 1;
        InputBytes = 0;
        Hash = 0;
    }

    private enum Field
    {
        Other,
        Model,
        Input,
        Context,
        MaxTokens,
        Choices,
        Stream,
        StreamOptions,
    }
}
