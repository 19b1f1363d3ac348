using System.Text.Json;
using Sluice.Storage;

namespace Sluice.Memory;

/// <summary>Keeps decisions with the samples that led to them, one JSON line each.</summary>
/// <remarks>There are few decisions, so the file is opened for each one. When it gets long it is put aside, in place of the one put aside before.</remarks>
/// <param name="path">The file; it is made at the first decision.</param>
/// <param name="time">The clock.</param>
public sealed class GovernorLog(string path, TimeProvider time)
{
    private const long MaxBytes = 4 * 1024 * 1024;

    private static readonly byte[] LineFeed = [(byte)'\n'];

    private readonly Lock _gate = new();

    /// <summary>Appends a decision.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(GovernorDecision decision)
    {
        ArgumentNullException.ThrowIfNull(decision);
        lock (_gate)
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxBytes })
            {
                File.Move(path, path + ".old", overwrite: true);
            }

            PrivateFiles.Touch(path);
            using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
            using (var writer = new Utf8JsonWriter(file))
            {
                Write(writer, decision);
            }

            file.Write(LineFeed);
        }
    }

    private void Write(Utf8JsonWriter writer, GovernorDecision decision)
    {
        writer.WriteStartObject();
        writer.WriteString("time", time.GetUtcNow().UtcDateTime);
        writer.WriteString("verb", JsonNamingPolicy.SnakeCaseLower.ConvertName(decision.Verb.ToString()));
        Number(writer, "job", decision.Job);
        writer.WriteString("level", JsonNamingPolicy.SnakeCaseLower.ConvertName(decision.Level.ToString()));
        writer.WriteString("reason", decision.Reason);
        Number(writer, "limit_bytes", decision.Sample.LimitBytes);
        Number(writer, "headroom_bytes", decision.Sample.HeadroomBytes);
        Number(writer, "some_stalled_us", (long?)decision.Sample.Pressure?.SomeTotal.TotalMicroseconds);
        Number(writer, "full_stalled_us", (long?)decision.Sample.Pressure?.FullTotal.TotalMicroseconds);
        writer.WriteStartArray("jobs");
        foreach (var job in decision.Sample.Jobs)
        {
            writer.WriteStartObject();
            writer.WriteNumber("job", job.Job);
            Number(writer, "bytes", job.Bytes);
            writer.WriteString("end", job.End is { } end ? JsonNamingPolicy.SnakeCaseLower.ConvertName(end.ToString()) : null);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Number(Utf8JsonWriter writer, string name, long? value)
    {
        if (value is { } number)
        {
            writer.WriteNumber(name, number);
        }
        else
        {
            writer.WriteNull(name);
        }
    }
}
