using System.Text.Json;

namespace Sluice.Launching;

/// <summary>How a job has ended, as the journal keeps it.</summary>
internal sealed record JournalEnd(LaunchOutcome Outcome, int? ExitCode, long PeakBytes, double Seconds, string? Note)
{
    public static JournalEnd Read(JsonElement line) => new(
        line.GetProperty("outcome").GetString() switch { "done" => LaunchOutcome.Done, "given_up" => LaunchOutcome.GivenUp, _ => LaunchOutcome.Failed },
        line.TryGetProperty("exit_code", out var code) ? code.GetInt32() : null,
        line.GetProperty("peak_bytes").GetInt64(),
        line.GetProperty("seconds").GetDouble(),
        line.GetProperty("note").GetString());
}
