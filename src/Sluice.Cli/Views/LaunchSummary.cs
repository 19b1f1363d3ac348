using System.Globalization;
using Sluice.Launching;
using Spectre.Console;

namespace Sluice.Cli.Views;

/// <summary>The result of a launch as a table or as JSON.</summary>
internal static class LaunchSummary
{
    public static string Word(LaunchOutcome outcome) => outcome switch
    {
        LaunchOutcome.Done => "done",
        LaunchOutcome.Failed => "failed",
        LaunchOutcome.GivenUp => "given up",
        _ => "pending",
    };

    public static void Table(LaunchResult result)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn(new TableColumn("job").RightAligned()).AddColumn("overrides").AddColumn("state");
        foreach (var name in (string[])["exit code", "time", "peak", "tries"])
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (var job in result.Jobs)
        {
            table.AddRow(
                Cell(job.Job.Number.ToString(CultureInfo.InvariantCulture)),
                new Text(Terminal.Clean(job.Job.Name)),
                new Text(Word(job.Outcome) + (job.IsEarlier ? " before" : "")),
                Cell(job.ExitCode?.ToString(CultureInfo.InvariantCulture) ?? "-"),
                Cell(job.ExitCode is null ? "-" : Numbers.Age(TimeSpan.FromSeconds(job.Seconds))),
                Cell(job.PeakBytes == 0 ? "-" : Numbers.Bytes(job.PeakBytes)),
                Cell(job.Tries.ToString(CultureInfo.InvariantCulture)));
        }

        Terminal.Out.Write(table);
        foreach (var job in result.Jobs.Where(j => j.Outcome is LaunchOutcome.Failed or LaunchOutcome.GivenUp).Take(5))
        {
            // As shells have it (POSIX, Shell Command Language, 2.8.2).
            var why = job.ExitCode switch { 127 => ", its program was not found", 126 => ", its program cannot be run", _ => "" };
            Terminal.Print(job.Note is { } note ? $"job {job.Job.Number}: {note}" : $"job {job.Job.Number} failed{why}: see {Relative(Launcher.LogOf(result.Folder, job.Job.Number))}");
        }

        var counts = ((LaunchOutcome[])[LaunchOutcome.Done, LaunchOutcome.Failed, LaunchOutcome.GivenUp, LaunchOutcome.Pending])
            .Select(outcome => (Word: Word(outcome), Count: result.Count(outcome)))
            .Where(one => one.Count > 0)
            .Select(one => $"{one.Count.ToString("N0", CultureInfo.InvariantCulture)} {one.Word}");
        Terminal.Print($"{Numbers.Of(result.Jobs.Count, "job")}: {string.Join(", ", counts)}; logs: {Relative(result.Folder)}");
        if (result.Jobs.Any(job => job.IsEarlier && job.Outcome != LaunchOutcome.Done))
        {
            Terminal.Hint("jobs that have failed or were given up before are not run again: --retry-failed does it");
        }
    }

    public static void Json(LaunchResult result) => JsonOut.Write(writer =>
    {
        writer.WriteString("launch", result.Name);
        writer.WriteString("folder", result.Folder);
        writer.WriteBoolean("stopped", result.IsStopped);
        writer.WriteStartObject("totals");
        writer.WriteNumber("jobs", result.Jobs.Count);
        writer.WriteNumber("done", result.Count(LaunchOutcome.Done));
        writer.WriteNumber("failed", result.Count(LaunchOutcome.Failed));
        writer.WriteNumber("given_up", result.Count(LaunchOutcome.GivenUp));
        writer.WriteNumber("pending", result.Count(LaunchOutcome.Pending));
        writer.WriteEndObject();
        writer.WriteStartArray("jobs");
        foreach (var job in result.Jobs)
        {
            writer.WriteStartObject();
            writer.WriteNumber("job", job.Job.Number);
            writer.WriteString("name", job.Job.Name);
            writer.WriteString("state", Word(job.Outcome).Replace(' ', '_'));
            writer.WriteBoolean("earlier", job.IsEarlier);
            writer.Number("exit_code", (long?)job.ExitCode);
            writer.WriteNumber("seconds", Math.Round(job.Seconds, 3));
            writer.WriteNumber("peak_bytes", job.PeakBytes);
            writer.WriteNumber("tries", job.Tries);
            writer.WriteString("note", job.Note);
            writer.WriteString("log", Launcher.LogOf(result.Folder, job.Job.Number));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static string Relative(string path) => Path.GetRelativePath(Environment.CurrentDirectory, path);

    private static Text Cell(string text) => new Text(text).RightJustified();
}
