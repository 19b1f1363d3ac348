using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Batches;
using Sluice.Simulator.Faults;

namespace Sluice.Simulator.OpenAI;

/// <summary>Writes a batch as the API shows it, with the faults that change what is shown.</summary>
internal static class OpenAIBatchView
{
    public static void Write(Utf8JsonWriter json, OpenAIBatch batch, BatchRuntime runtime)
    {
        var faults = runtime.Faults;
        var isoTimes = faults.Has(FaultKind.IsoTimes);
        json.WriteStartObject();
        json.WriteString(Names.Id, batch.Id);
        json.WriteString(Names.Object, "batch"u8);
        json.WriteString("endpoint"u8, batch.Endpoint);
        json.WriteString(Names.Model, batch.Model);
        WriteErrors(json, batch.Error);
        json.WriteString("input_file_id"u8, batch.InputFileId);
        json.WriteString("completion_window"u8, batch.CompletionWindow);
        json.WriteString(Names.Status, StatusOf(batch, runtime));
        var hidden = faults.TryGet(FaultKind.OutputIdNull, out var hide) && runtime.GetsAfterEnd <= hide.Gets;
        json.WriteString("output_file_id"u8, hidden ? null : batch.OutputFileId);
        json.WriteString("error_file_id"u8, batch.ErrorFileId ?? (batch.HasEnded && faults.Has(FaultKind.ErrorIdEmpty) ? "" : null));
        WriteTime(json, "created_at", batch.CreatedAt, isoTimes);
        WriteTime(json, "in_progress_at", batch.InProgressAt, isoTimes);
        WriteTime(json, "expires_at", batch.CreatedAt + (24 * 60 * 60), isoTimes);
        WriteTime(json, "finalizing_at", batch.FinalizingAt, isoTimes);
        WriteTime(json, "completed_at", batch.CompletedAt, isoTimes);
        WriteTime(json, "failed_at", batch.FailedAt, isoTimes);
        WriteTime(json, "expired_at", batch.ExpiredAt, isoTimes);
        WriteTime(json, "cancelling_at", batch.CancellingAt, isoTimes);
        WriteTime(json, "cancelled_at", batch.CancelledAt, isoTimes);
        WriteCounts(json, batch, runtime);
        WriteUsage(json, batch);
        json.WritePropertyName("metadata"u8);
        json.WriteRawValue(batch.Metadata ?? "null");
        json.WriteEndObject();
    }

    private static string StatusOf(OpenAIBatch batch, BatchRuntime runtime)
    {
        var status = runtime.Faults.TryGet(FaultKind.ShowState, out var show) && runtime.Gets <= show.Gets ? show.State : batch.Status;
        return runtime.Faults.Has(FaultKind.UpperCaseStates) ? status.ToUpperInvariant() : status;
    }

    private static void WriteErrors(Utf8JsonWriter json, BatchError? error)
    {
        if (error is null)
        {
            json.WriteNull("errors"u8);
            return;
        }

        json.WriteStartObject("errors"u8);
        json.WriteString(Names.Object, "list"u8);
        json.WriteStartArray("data"u8);
        json.WriteStartObject();
        json.WriteString("code"u8, error.Code);
        json.WriteString(Names.Message, error.Message);
        json.WriteString("param"u8, error.Param);
        if (error.Line is { } line)
        {
            json.WriteNumber("line"u8, line);
        }
        else
        {
            json.WriteNull("line"u8);
        }

        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteTime(Utf8JsonWriter json, string name, long? seconds, bool iso)
    {
        if (seconds is not { } value)
        {
            json.WriteNull(name);
        }
        else if (iso)
        {
            json.WriteString(name, DateTimeOffset.FromUnixTimeSeconds(value));
        }
        else
        {
            json.WriteNumber(name, value);
        }
    }

    private static void WriteCounts(Utf8JsonWriter json, OpenAIBatch batch, BatchRuntime runtime)
    {
        if (runtime.Faults.TryGet(FaultKind.NullCounts, out var fault) && !fault.Members)
        {
            json.WriteNull("request_counts"u8);
            return;
        }

        json.WriteStartObject("request_counts"u8);
        if (fault is not null)
        {
            json.WriteNull("total"u8);
            json.WriteNull("completed"u8);
            json.WriteNull("failed"u8);
        }
        else
        {
            var back = runtime.Faults.Has(FaultKind.CountersBackwards) && runtime.Gets % 2 == 0;
            json.WriteNumber("total"u8, batch.Status is "validating" or "failed" ? 0 : batch.Total);
            json.WriteNumber("completed"u8, back ? batch.Completed / 2 : batch.Completed);
            json.WriteNumber("failed"u8, back ? batch.Failed / 2 : batch.Failed);
        }

        json.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter json, OpenAIBatch batch)
    {
        json.WriteStartObject(Names.Usage);
        json.WriteNumber(Names.InputTokens, batch.InputTokens);
        json.WriteStartObject("input_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, 0);
        json.WriteEndObject();
        json.WriteNumber(Names.OutputTokens, batch.OutputTokens);
        json.WriteStartObject("output_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, 0);
        json.WriteEndObject();
        json.WriteNumber(Names.TotalTokens, batch.InputTokens + batch.OutputTokens);
        json.WriteEndObject();
    }
}
