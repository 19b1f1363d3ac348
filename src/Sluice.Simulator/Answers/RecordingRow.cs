using System.Buffers;
using System.Text.Json;

namespace Sluice.Simulator.Answers;

/// <summary>One line of a recordings file, its texts without JSON escapes in one rented buffer.</summary>
internal sealed class RecordingRow : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(4096);
    private int _used;
    private Range _model;
    private Range _prompt;
    private Range _completion;

    public ReadOnlySpan<byte> Model => _buffer.AsSpan(_model);

    public ReadOnlySpan<byte> Prompt => _buffer.AsSpan(_prompt);

    public ReadOnlySpan<byte> Completion => _buffer.AsSpan(_completion);

    public bool TryRead(ReadOnlySpan<byte> line, out string problem)
    {
        _used = 0;
        _model = _prompt = _completion = default;
        bool hasPrompt = false, hasCompletion = false;
        problem = "A recording is an object with the texts \"prompt\" and \"completion\" and, if it is for one model, \"model\".";
        EnsureRoom(line.Length);
        try
        {
            var reader = new Utf8JsonReader(line);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isModel = reader.ValueTextEquals("model"u8);
                var isPrompt = reader.ValueTextEquals("prompt"u8);
                var isCompletion = reader.ValueTextEquals("completion"u8);
                reader.Read();
                if (!(isModel || isPrompt || isCompletion) || reader.TokenType != JsonTokenType.String)
                {
                    reader.Skip();
                    continue;
                }

                var range = Append(ref reader);
                _model = isModel ? range : _model;
                _prompt = isPrompt ? range : _prompt;
                _completion = isCompletion ? range : _completion;
                hasPrompt |= isPrompt;
                hasCompletion |= isCompletion;
            }

            return hasPrompt && hasCompletion;
        }
        catch (JsonException error)
        {
            problem = error.Message;
            return false;
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private void EnsureRoom(int length)
    {
        if (_buffer.Length < length)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = ArrayPool<byte>.Shared.Rent(length);
        }
    }

    private Range Append(ref Utf8JsonReader reader)
    {
        var start = _used;
        _used += reader.CopyString(_buffer.AsSpan(start));
        return new Range(start, _used);
    }
}
