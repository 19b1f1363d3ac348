using System.Buffers;
using System.Text;
using System.Text.Json;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.Answers;

/// <summary>Checks one request and answers it with a text or an error. One object serves many requests, one after the other.</summary>
internal sealed class Completion(AnswerText answers, IReadOnlyCollection<string>? knownModels)
{
    private const int BytesPerToken = 4;
    private readonly ArrayBufferWriter<byte> _text = new(2048);
    private int _length;

    public RequestBody Request { get; } = new();

    /// <summary>Gets what is wrong with the request, or null.</summary>
    public ApiError? Error { get; private set; }

    public ReadOnlySpan<byte> Text => _text.WrittenSpan[.._length];

    public ReadOnlyMemory<byte> TextMemory => _text.WrittenMemory[.._length];

    /// <summary>Gets whether the text ends at the request's own token limit.</summary>
    public bool IsCut { get; private set; }

    public int InputTokens => Request.InputTokens;

    public int OutputTokens { get; private set; }

    /// <summary>Gets the number from which this answer's ids are made.</summary>
    public ulong Seed { get; set; }

    /// <summary>Reads the request and decides the answer.</summary>
    public void Answer(ReadOnlySpan<byte> body, Endpoint endpoint, bool inBatch)
    {
        _text.ResetWrittenCount();
        _length = OutputTokens = 0;
        IsCut = false;
        Seed = 0;
        Error = Check(body, endpoint, inBatch);
        if (Error is not null)
        {
            return;
        }

        Seed = Request.Hash;
        if (!answers.TryWrite(Request, _text))
        {
            Error = ApiError.Invalid($"No recorded answer for model {Encoding.UTF8.GetString(Request.Model)} and this prompt.");
            return;
        }

        Cut();
    }

    /// <summary>Makes the text at least this long, to rehearse very long rows.</summary>
    public void Lengthen(long bytes)
    {
        while (_text.WrittenCount < bytes)
        {
            _text.Write("All work and no play makes a long row. "u8);
        }

        _length = _text.WrittenCount;
        OutputTokens = TokensOf(_length);
    }

    /// <summary>Checks a model's name against the list of known ones.</summary>
    public static bool IsKnown(ReadOnlySpan<byte> model, IReadOnlyCollection<string>? knownModels) =>
        knownModels is null || knownModels.Contains(Encoding.UTF8.GetString(model));

    private static int TokensOf(int bytes) => (bytes + BytesPerToken - 1) / BytesPerToken;

    private ApiError? Check(ReadOnlySpan<byte> body, Endpoint endpoint, bool inBatch)
    {
        try
        {
            if (!Request.Read(body, endpoint))
            {
                return ApiError.Invalid("The request body is not a JSON object.");
            }
        }
        catch (JsonException error)
        {
            return ApiError.Invalid("We could not parse the JSON body of your request. " + error.Message);
        }

        return endpoint == Endpoint.Messages
            ? RequestRules.CheckMessages(Request, inBatch, knownModels)
            : RequestRules.CheckOpenAI(Request, endpoint, knownModels);
    }

    private void Cut()
    {
        _length = _text.WrittenCount;
        if (Request.MaxTokens is { } most && TokensOf(_length) > most)
        {
            _length = (int)Math.Min(_length, most * BytesPerToken);
            while (_length > 0 && (_text.WrittenSpan[_length] & 0xC0) == 0x80)
            {
                _length--;
            }

            IsCut = true;
        }

        OutputTokens = TokensOf(_length);
    }
}
