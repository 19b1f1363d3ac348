using System.Buffers;
using System.Text;
using System.Text.Json;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Anthropic;

/// <summary>Reads <c>{"requests": [...]}</c> as a stream, checks each element's id and writes the elements to disk, one a line.</summary>
internal sealed class RequestListReader(SimulatorLimits limits)
{
    private const int BufferSize = 128 * 1024;
    private readonly HashSet64 _customIds = new();
    private ApiError? _error;
    private Place _place = Place.Start;

    public long Count { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>Gets the first request's custom_id, which fault rules can match.</summary>
    public string FirstCustomId { get; private set; } = "";

    /// <returns>What is wrong with the body, or null. The body is read to its end in any case, so that the client can read the answer.</returns>
    public async Task<ApiError?> ReadAsync(Stream body, string path, CancellationToken cancellationToken)
    {
        var target = DataFiles.Create(path);
        await using var closing = target.ConfigureAwait(false);
        var output = new ArrayBufferWriter<byte>(BufferSize);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        var state = default(JsonReaderState);
        try
        {
            var filled = 0;
            var isFinal = false;
            while (!isFinal)
            {
                var read = await body.ReadAsync(buffer.AsMemory(filled), cancellationToken).ConfigureAwait(false);
                isFinal = read == 0;
                Bytes += read;
                if (Bytes > limits.AnthropicBytesPerBatch)
                {
                    _error = new ApiError(413, "request_too_large", "Request exceeds the maximum size");
                }

                if (_error is not null)
                {
                    filled = 0;
                    continue;
                }

                filled += read;
                var used = Take(buffer.AsSpan(0, filled), isFinal, ref state, output);
                buffer.AsSpan(used, filled - used).CopyTo(buffer);
                filled -= used;
                buffer = filled == buffer.Length ? Enlarge(buffer) : buffer;
                await target.WriteAsync(output.WrittenMemory, cancellationToken).ConfigureAwait(false);
                output.ResetWrittenCount();
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return _error ?? (_place == Place.End && Count > 0 ? null : ApiError.Invalid(
            _place == Place.Start ? "requests: Field required" : "requests: List should have at least 1 item after validation, not 0"));
    }

    private static byte[] Enlarge(byte[] buffer)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }

    /// <returns>How many bytes are done with.</returns>
    private int Take(ReadOnlySpan<byte> json, bool isFinal, ref JsonReaderState state, ArrayBufferWriter<byte> output)
    {
        var reader = new Utf8JsonReader(json, isFinal, state);
        var done = 0;
        try
        {
            while (_error is null)
            {
                state = reader.CurrentState;
                done = (int)reader.BytesConsumed;
                if (!reader.Read() || !TakeToken(ref reader, json, output))
                {
                    break;
                }
            }
        }
        catch (JsonException error)
        {
            _error = ApiError.Invalid("The request body is not valid JSON: " + error.Message);
        }

        return done;
    }

    /// <returns>False when the value that begins here is not in the buffer as a whole.</returns>
    private bool TakeToken(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, ArrayBufferWriter<byte> output)
    {
        switch (_place)
        {
            case Place.Start when reader.TokenType == JsonTokenType.StartObject:
                _place = Place.Field;
                return true;
            case Place.Field when reader.TokenType == JsonTokenType.EndObject:
                _place = Count > 0 ? Place.End : Place.Start;
                return true;
            case Place.Field when reader.ValueTextEquals("requests"u8):
                _place = Place.List;
                return true;
            case Place.Field:
                _error = ApiError.Invalid($"{reader.GetString()}: Extra inputs are not permitted");
                return true;
            case Place.List when reader.TokenType == JsonTokenType.StartArray:
                _place = Place.Element;
                return true;
            case Place.Element when reader.TokenType == JsonTokenType.EndArray:
                _place = Count > 0 ? Place.Field : Place.EmptyList;
                return true;
            case Place.Element:
                var start = (int)reader.TokenStartIndex;
                if (!reader.TrySkip())
                {
                    return false;
                }

                TakeElement(json[start..(int)reader.BytesConsumed], reader.TokenType == JsonTokenType.EndObject, output);
                return true;
            case Place.EmptyList:
                return true;
            default:
                _error = ApiError.Invalid(_place == Place.List ? "requests: Input should be a valid list" : "Input should be a valid dictionary");
                return true;
        }
    }

    private void TakeElement(ReadOnlySpan<byte> element, bool isObject, ArrayBufferWriter<byte> output)
    {
        var parts = isObject ? AnthropicLine.Read(element) : default;
        _error = Check(element, parts, isObject);
        Count++;
        if (_error is not null)
        {
            return;
        }

        // A line feed in valid JSON is white space between tokens; on disk it would end the line.
        var line = output.GetSpan(element.Length + 1)[..(element.Length + 1)];
        element.CopyTo(line);
        line[..^1].Replace((byte)'\n', (byte)' ');
        line[..^1].Replace((byte)'\r', (byte)' ');
        line[^1] = (byte)'\n';
        output.Advance(line.Length);
    }

    private ApiError? Check(ReadOnlySpan<byte> element, AnthropicLine parts, bool isObject)
    {
        var where = $"requests.{Count}";
        if (Count >= limits.AnthropicRequestsPerBatch)
        {
            return ApiError.Invalid($"requests: List should have at most {limits.AnthropicRequestsPerBatch} items after validation");
        }

        if (!isObject)
        {
            return ApiError.Invalid($"{where}: Input should be a valid dictionary");
        }

        if (!parts.HasCustomId)
        {
            return ApiError.Invalid($"{where}.custom_id: Field required");
        }

        if (parts.UnknownField is { } unknown)
        {
            return ApiError.Invalid($"{where}.{unknown}: Extra inputs are not permitted");
        }

        if (!parts.HasParams)
        {
            return ApiError.Invalid($"{where}.params: Field required");
        }

        return CheckId(element[parts.CustomId][1..^1], where);
    }

    private ApiError? CheckId(ReadOnlySpan<byte> id, string where)
    {
        if (id.IsEmpty)
        {
            return ApiError.Invalid($"{where}.custom_id: String should have at least 1 character");
        }

        if (id.Length > 64)
        {
            return ApiError.Invalid($"{where}.custom_id: String should have at most 64 characters");
        }

        if (id.IndexOfAnyExcept(IdBytes) >= 0)
        {
            return ApiError.Invalid($"{where}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'");
        }

        if (Count == 0)
        {
            FirstCustomId = Encoding.UTF8.GetString(id);
        }

        return _customIds.Add(StableHash.Of(id))
            ? null
            : ApiError.Invalid($"{where}.custom_id: Duplicate custom_id '{Encoding.UTF8.GetString(id)}': custom_ids must be unique in a batch");
    }

    private static readonly SearchValues<byte> IdBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"u8);

    private enum Place
    {
        Start,
        Field,
        List,
        Element,
        EmptyList,
        End,
    }
}
