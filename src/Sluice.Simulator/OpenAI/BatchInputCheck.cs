using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>Checks a batch input file line by line, as the provider does while a batch is <c>validating</c>.</summary>
internal sealed class BatchInputCheck(OpenAIBatch batch, Endpoint endpoint, SimulatorOptions options)
{
    private readonly RequestBody _request = new();
    private readonly HashSet64 _customIds = new();
    private readonly byte[] _url = Encoding.UTF8.GetBytes(batch.Endpoint);
    private byte[]? _model;
    private long _number;

    public long Lines { get; private set; }

    public long Tokens { get; private set; }

    public string? Model => _model is null ? null : Encoding.UTF8.GetString(_model);

    /// <returns>The first error, or null.</returns>
    public async Task<BatchError?> RunAsync(string path, CancellationToken cancellationToken)
    {
        var input = DataFiles.OpenRead(path);
        await using var closing = input.ConfigureAwait(false);
        using var lines = new LineReader(input);
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (CheckSome(lines) is { } error)
            {
                return error;
            }
        }
        while (await lines.FillAsync(cancellationToken).ConfigureAwait(false));

        return Lines == 0 ? new BatchError("empty_file", "The batch input file has no requests.") : null;
    }

    /// <summary>Checks the lines that are in the buffer. Not asynchronous, and compiled well at once: this is a hot loop.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private BatchError? CheckSome(LineReader lines)
    {
        while (lines.TryRead(out var line))
        {
            _number++;
            if (line.Span.IndexOfAnyExcept(" \t"u8) < 0)
            {
                continue;
            }

            if (++Lines > options.Limits.OpenAIRequestsPerBatch)
            {
                return new BatchError("too_many_tasks", $"The batch input file has more than {options.Limits.OpenAIRequestsPerBatch} requests.");
            }

            if (CheckLine(line.Span) is { } error)
            {
                return error with { Line = _number };
            }
        }

        return null;
    }

    private BatchError? CheckLine(ReadOnlySpan<byte> line)
    {
        var parts = default(OpenAILine);
        try
        {
            if (!OpenAILine.TryRead(line, ref parts))
            {
                return new BatchError("invalid_json_line", "This line is not a JSON object.");
            }

            return CheckParts(ref parts);
        }
        catch (JsonException)
        {
            return new BatchError("invalid_json_line", "This line is not parseable as valid JSON.");
        }
    }

    private BatchError? CheckParts(ref OpenAILine parts)
    {
        if (parts.CustomId.Length <= 2)
        {
            return new BatchError("missing_required_parameter", "Missing required parameter: 'custom_id'.", "custom_id");
        }

        if (!_customIds.Add(StableHash.Of(parts.CustomId)))
        {
            return new BatchError("duplicate_custom_id", "The custom_id for this request is a duplicate of another request.", "custom_id");
        }

        if (!parts.Method.IsEmpty && !parts.Method.SequenceEqual("POST"u8))
        {
            return new BatchError("invalid_method", "The method must be POST.", "method");
        }

        if (!parts.Url.SequenceEqual(_url))
        {
            return new BatchError("invalid_url", "The URL provided for this request does not match the batch endpoint.", "url");
        }

        return parts.Body.IsEmpty || !_request.Read(parts.Body, endpoint, withPrompt: false)
            ? new BatchError("invalid_request", "The request body must be a JSON object.", "body")
            : CheckBody();
    }

    private BatchError? CheckBody()
    {
        if (!_request.HasModel)
        {
            return new BatchError("invalid_request", "you must provide a model parameter", "body.model");
        }

        if (_model is null)
        {
            _model = _request.Model.ToArray();
            if (!Completion.IsKnown(_model, options.KnownModels))
            {
                return new BatchError("model_not_found", $"The provided model '{Model}' is not supported by the Batch API.", "body.model");
            }
        }
        else if (!_request.Model.SequenceEqual(_model))
        {
            return new BatchError("mismatched_model", $"Mismatched model. Expected {Model}: a batch has one model.", "body.model");
        }

        if (_request.Stream)
        {
            return new BatchError("streaming_unsupported", "Streaming is not supported in the Batch API.", "body.stream");
        }

        Tokens += _request.InputTokens;
        return null;
    }
}
