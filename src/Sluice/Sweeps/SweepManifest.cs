using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sluice.Ledger;
using Sluice.Results;
using Sluice.Storage;

namespace Sluice.Sweeps;

/// <summary>Writes and finds <c>runs/&lt;sweep&gt;/manifest.json</c>: which experiments a sweep has and where they stand.</summary>
public static class SweepManifest
{
    private const string FileName = "manifest.json";

    /// <summary>Returns the sweeps of a workspace, latest first.</summary>
    public static IReadOnlyList<string> Sweeps(Workspace workspace)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        return Directory.Exists(workspace.RunsFolder)
            ? [.. Directory.EnumerateDirectories(workspace.RunsFolder)
                .Select(folder => new FileInfo(Path.Combine(folder, FileName)))
                .Where(file => file.Exists)
                .OrderByDescending(file => file.LastWriteTimeUtc)
                .Select(file => file.Directory!.Name)]
            : [];
    }

    /// <summary>Returns the composed configurations of a sweep, in order.</summary>
    /// <exception cref="SluiceException">There is no such sweep.</exception>
    public static IReadOnlyList<string> ConfigsOf(Workspace workspace, string sweep)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        using var document = Read(workspace, sweep);
        return [.. document.RootElement.GetProperty("experiments").EnumerateArray()
            .Select(e => Path.Combine(workspace.SweepFolder(sweep), e.GetProperty("name").GetString()!, "config.yaml"))];
    }

    /// <summary>Returns the manifest as it stands.</summary>
    /// <exception cref="SluiceException">There is no such sweep, or its manifest cannot be read.</exception>
    public static JsonDocument Read(Workspace workspace, string sweep)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        var path = Path.Combine(workspace.SweepFolder(sweep), FileName);
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (IOException error)
        {
            throw new SluiceException(ErrorKind.Usage, $"there is no sweep `{sweep}` in {workspace.RunsFolder}", Sweeps(workspace) is { Count: > 0 } sweeps ? $"there is: {string.Join(", ", sweeps)}" : "start one with `sluice run`", error);
        }
        catch (JsonException error)
        {
            throw new SluiceException(ErrorKind.Environment, $"{path} cannot be read: {error.Message}", "run the sweep again: the file is written anew", error);
        }
    }

    /// <summary>Writes the manifest.</summary>
    internal static void Write(string folder, string sweep, IReadOnlyList<ExperimentRun> runs, LedgerStore ledger, SweepState? state)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", 1);
            writer.WriteString("sweep", sweep);
            writer.WriteString("state", state switch { SweepState.Done => "done", SweepState.Incomplete => "incomplete", _ => "pending" });
            writer.WriteStartArray("experiments");
            foreach (var run in runs)
            {
                WriteExperiment(writer, run, ledger);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        AtomicFile.WriteText(Path.Combine(folder, FileName), Encoding.UTF8.GetString(buffer.ToArray()) + "\n");
    }

    private static void WriteExperiment(Utf8JsonWriter writer, ExperimentRun run, LedgerStore ledger)
    {
        writer.WriteStartObject();
        writer.WriteString("name", run.Plan.Experiment.Name);
        writer.WriteString("source", run.Plan.Experiment.Source);
        if (run.Summary is { } summary)
        {
            writer.WriteNumber("samples", summary.Samples);
            writer.WriteNumber("done", summary.Done);
            writer.WriteNumber("failed", summary.Failed);
            writer.WriteNumber("pending", summary.Pending);
            ExperimentFiles.WriteScores(writer, summary);
        }

        writer.WriteStartArray("batches");
        foreach (var row in run.Tally.WaitingFor().Order())
        {
            if (row != 0 && ledger.Get(row) is { } intent)
            {
                writer.WriteStringValue(intent.BatchId ?? intent.Id);
            }
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
