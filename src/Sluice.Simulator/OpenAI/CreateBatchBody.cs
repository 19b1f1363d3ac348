using System.Text.Json;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.OpenAI;

/// <summary>The body of <c>POST /v1/batches</c>.</summary>
internal sealed record CreateBatchBody(string InputFileId, string Endpoint, string? Metadata, long? OutputExpiresAfter)
{
    public static ApiError? TryRead(ReadOnlyMemory<byte> body, out CreateBatchBody read)
    {
        read = new CreateBatchBody("", "", null, null);
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                return ApiError.Invalid("The request body must be a JSON object.");
            }

            foreach (var name in (string[])["input_file_id", "endpoint", "completion_window"])
            {
                if (Text(root, name) is null)
                {
                    return ApiError.Invalid($"Missing required parameter: '{name}'.", "missing_required_parameter", name);
                }
            }

            read = new CreateBatchBody(Text(root, "input_file_id")!, Text(root, "endpoint")!, MetadataOf(root), ExpiryOf(root));
            return Check(root, read);
        }
        catch (JsonException error)
        {
            return ApiError.Invalid("We could not parse the JSON body of your request. " + error.Message);
        }
    }

    private static ApiError? Check(JsonElement root, CreateBatchBody read)
    {
        if (!OpenAIEndpoints.Exists(read.Endpoint))
        {
            return ApiError.Invalid(
                $"Invalid value: '{read.Endpoint}'. Supported values are: '{OpenAIEndpoints.Responses}' and '{OpenAIEndpoints.ChatCompletions}'.",
                "invalid_value", "endpoint");
        }

        if (Text(root, "completion_window") is not "24h" and { } window)
        {
            return ApiError.Invalid($"Invalid value: '{window}'. Value must be '24h'.", "invalid_value", "completion_window");
        }

        return CheckMetadata(root);
    }

    private static ApiError? CheckMetadata(JsonElement root)
    {
        if (!root.TryGetProperty("metadata", out var metadata) || metadata.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (metadata.ValueKind != JsonValueKind.Object)
        {
            return ApiError.Invalid("Invalid type for 'metadata': expected an object.", "invalid_type", "metadata");
        }

        if (metadata.GetPropertyCount() > 16)
        {
            return ApiError.Invalid(
                "Invalid 'metadata': too many properties. Expected an object with at most 16 properties.", "object_above_max_properties", "metadata");
        }

        foreach (var pair in metadata.EnumerateObject())
        {
            if (pair.Value.ValueKind != JsonValueKind.String)
            {
                return ApiError.Invalid($"Invalid type for 'metadata.{pair.Name}': expected a string.", "invalid_type", $"metadata.{pair.Name}");
            }

            if (pair.Name.Length > 64 || pair.Value.GetString()!.Length > 512)
            {
                return ApiError.Invalid(
                    $"Invalid 'metadata.{pair.Name}': string too long. Keys have at most 64 and values at most 512 characters.",
                    "string_above_max_length", $"metadata.{pair.Name}");
            }
        }

        return null;
    }

    private static string? MetadataOf(JsonElement root) =>
        root.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object ? metadata.GetRawText() : null;

    private static long? ExpiryOf(JsonElement root) =>
        root.TryGetProperty("output_expires_after", out var expiry) && expiry.ValueKind == JsonValueKind.Object
        && expiry.TryGetProperty("seconds", out var seconds) && seconds.TryGetInt64(out var value) ? value : null;

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
