using System.Globalization;
using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Batches;
using Sluice.Simulator.Faults;

namespace Sluice.Simulator.Anthropic;

/// <summary>Writes a batch as the API shows it, with the faults that change what is shown.</summary>
internal static class MessageBatchView
{
    /// <param name="baseAddress">What <c>results_url</c> begins with: the address the client used.</param>
    public static void Write(Utf8JsonWriter json, MessageBatch batch, BatchRuntime runtime, string baseAddress)
    {
        json.WriteStartObject();
        json.WriteString(Names.Id, batch.Id);
        json.WriteString(Names.Type, "message_batch"u8);
        json.WriteString("processing_status"u8, StatusOf(batch, runtime));
        WriteCounts(json, batch, runtime);
        WriteTime(json, "ended_at", batch.EndedAt);
        WriteTime(json, "created_at", batch.CreatedAt);
        WriteTime(json, "expires_at", batch.CreatedAt.AddHours(24));
        WriteTime(json, "archived_at", null);
        WriteTime(json, "cancel_initiated_at", batch.CancelInitiatedAt);
        var hidden = runtime.Faults.TryGet(FaultKind.OutputIdNull, out var hide) && runtime.GetsAfterEnd <= hide.Gets;
        json.WriteString("results_url"u8, batch.HasEnded && !hidden ? $"{baseAddress}/v1/messages/batches/{batch.Id}/results" : null);
        json.WriteEndObject();
    }

    private static string StatusOf(MessageBatch batch, BatchRuntime runtime)
    {
        var status = runtime.Faults.TryGet(FaultKind.ShowState, out var show) && runtime.Gets <= show.Gets ? show.State : batch.Status;
        return runtime.Faults.Has(FaultKind.UpperCaseStates) ? status.ToUpperInvariant() : status;
    }

    private static void WriteCounts(Utf8JsonWriter json, MessageBatch batch, BatchRuntime runtime)
    {
        if (runtime.Faults.TryGet(FaultKind.NullCounts, out var fault) && !fault.Members)
        {
            json.WriteNull("request_counts"u8);
            return;
        }

        json.WriteStartObject("request_counts"u8);
        if (fault is not null)
        {
            foreach (var name in (string[])["processing", "succeeded", "errored", "canceled", "expired"])
            {
                json.WriteNull(name);
            }
        }
        else
        {
            var back = runtime.Faults.Has(FaultKind.CountersBackwards) && runtime.Gets % 2 == 0;
            var succeeded = back ? batch.Succeeded / 2 : batch.Succeeded;
            var errored = back ? batch.Errored / 2 : batch.Errored;
            json.WriteNumber("processing"u8, batch.Total - succeeded - errored - batch.Canceled - batch.Expired);
            json.WriteNumber("succeeded"u8, succeeded);
            json.WriteNumber("errored"u8, errored);
            json.WriteNumber("canceled"u8, batch.Canceled);
            json.WriteNumber("expired"u8, batch.Expired);
        }

        json.WriteEndObject();
    }

    private static void WriteTime(Utf8JsonWriter json, string name, DateTimeOffset? time) =>
        json.WriteString(name, time?.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
}
