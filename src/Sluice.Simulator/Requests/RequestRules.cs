using System.Text;
using Sluice.Simulator.Answers;

namespace Sluice.Simulator.Requests;

/// <summary>The checks that a provider makes on one request body.</summary>
internal static class RequestRules
{
    public static ApiError? CheckOpenAI(RequestBody request, Endpoint endpoint, IReadOnlyCollection<string>? knownModels)
    {
        if (!request.HasModel)
        {
            return ApiError.Invalid("you must provide a model parameter");
        }

        if (!Completion.IsKnown(request.Model, knownModels))
        {
            var name = Encoding.UTF8.GetString(request.Model);
            return new ApiError(
                404, "invalid_request_error", $"The model `{name}` does not exist or you do not have access to it.", "model_not_found");
        }

        if (!request.HasInput)
        {
            var name = endpoint == Endpoint.Responses ? "input" : "messages";
            return ApiError.Invalid($"Missing required parameter: '{name}'.", "missing_required_parameter", name);
        }

        return request.MaxTokens is < 1
            ? ApiError.Invalid("Invalid token limit: integer below minimum value. Expected a value >= 1.", "integer_below_min_value")
            : null;
    }

    public static ApiError? CheckMessages(RequestBody request, bool inBatch, IReadOnlyCollection<string>? knownModels)
    {
        if (!request.HasModel)
        {
            return ApiError.Invalid("model: Field required");
        }

        if (request.MaxTokens is null)
        {
            return ApiError.Invalid("max_tokens: Field required");
        }

        if (request.MaxTokens < 1)
        {
            return ApiError.Invalid("max_tokens: must be greater than or equal to 1");
        }

        if (!request.HasInput)
        {
            return ApiError.Invalid("messages: Field required");
        }

        if (inBatch && request.Stream)
        {
            return ApiError.Invalid("stream: Streaming is not supported in message batches");
        }

        return Completion.IsKnown(request.Model, knownModels)
            ? null
            : new ApiError(404, "not_found_error", "model: " + Encoding.UTF8.GetString(request.Model));
    }
}
