using System.Text.Json;

namespace Sluice.Simulator.Http;

/// <summary>Writes <c>/_sim/stats</c>.</summary>
internal static class StatsView
{
    public static void Write(Utf8JsonWriter json, SimulatorStats stats)
    {
        json.WriteStartObject();
        json.WritePropertyName("openai"u8);
        Write(json, stats.OpenAI);
        json.WritePropertyName("anthropic"u8);
        Write(json, stats.Anthropic);
        json.WriteStartArray("internal_errors"u8);
        foreach (var error in stats.InternalErrors)
        {
            json.WriteStringValue(error);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ProviderStats stats)
    {
        json.WriteStartObject();
        json.WriteNumber("files"u8, stats.Files);
        json.WriteNumber("bytes_uploaded"u8, stats.BytesUploaded);
        json.WriteNumber("bytes_downloaded"u8, stats.BytesDownloaded);
        json.WriteNumber("batches_created"u8, stats.BatchesCreated);
        json.WriteNumber("batches_ended"u8, stats.BatchesEnded);
        json.WriteNumber("lines_executed"u8, stats.LinesExecuted);
        WriteOptional(json, "distinct_bodies", stats.DistinctBodies);
        WriteOptional(json, "repeated_bodies", stats.RepeatedBodies);
        json.WriteNumber("live_calls"u8, stats.LiveCalls);
        json.WriteStartObject("http_requests"u8);
        foreach (var (operation, count) in stats.HttpRequests)
        {
            json.WriteNumber(operation, count);
        }

        json.WriteEndObject();
        json.WriteNumber("faults_injected"u8, stats.FaultsInjected);
        json.WriteEndObject();
    }

    private static void WriteOptional(Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }
}
