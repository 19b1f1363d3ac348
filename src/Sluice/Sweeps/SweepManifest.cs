using System.Text.Encodings.Web;
using System.Text.Json;
using Sluice.Ledger;
using Sluice.Requests;
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

    /// <summary>Returns the sweeps that wait for answers, latest first: those whose last command left something pending, or that have batches.</summary>
    /// <remarks>A manifest that cannot be read counts as waiting: whoever goes on with it is told.</remarks>
    public static IReadOnlyList<string> Waiting(Workspace workspace) => [.. Sweeps(workspace).Where(sweep =>
    {
        try
        {
            using var document = Read(workspace, sweep);
            return (document.RootElement.TryGetProperty("state", out var state) && state.ValueEquals("pending")) || Entries(document).Any(e => e.Batches.Count > 0);
        }
        catch (Exception error) when (error is SluiceException or KeyNotFoundException or InvalidOperationException)
        {
            return true;
        }
    })];

    /// <summary>Returns the composed configurations that a sweep goes on with, in order: those of the last command, and those of earlier ones that
    /// waited for batches.</summary>
    /// <exception cref="SluiceException">There is no such sweep.</exception>
    public static IReadOnlyList<string> ConfigsOf(Workspace workspace, string sweep)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        using var document = Read(workspace, sweep);
        return [.. Entries(document).Where(e => !e.IsEarlier || e.Batches.Count > 0).Select(e => Path.Combine(workspace.SweepFolder(sweep), e.Name, "config.yaml"))];
    }

    /// <summary>Returns the manifest as it stands.</summary>
    /// <exception cref="SluiceException">There is no such sweep, or its manifest cannot be read.</exception>
    public static JsonDocument Read(Workspace workspace, string sweep)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        var path = Path.Combine(workspace.SweepFolder(sweep), FileName);
        try
        {
            var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("experiments", out var experiments) && experiments.ValueKind == JsonValueKind.Array
                ? document : throw new JsonException("it is no manifest");
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

    /// <summary>Returns what the manifest in a folder says of each experiment; nothing when there is none, or it cannot be read.</summary>
    internal static IReadOnlyList<ManifestEntry> EntriesIn(string folder) => EntriesOf(BytesOf(Path.Combine(folder, FileName)));

    private static IReadOnlyList<ManifestEntry> EntriesOf(byte[] manifest)
    {
        try
        {
            using var document = JsonDocument.Parse(manifest);
            return Entries(document);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // There is none yet, or it is no manifest, and is written anew.
            return [];
        }
    }

    /// <summary>Writes the manifest; experiments of other commands, whose folders are still there, stay in it.</summary>
    /// <param name="folder">The sweep's folder.</param>
    /// <param name="sweep">The sweep's name.</param>
    /// <param name="runs">The experiments of this command.</param>
    /// <param name="ledger">What knows the batches.</param>
    /// <param name="state">Where the sweep stands; null while the command runs.</param>
    /// <param name="aside">Experiments that have lost their folders to those of this command.</param>
    /// <returns>What <c>now</c> is in the sweep's templates: the time of the command that wrote the manifest first; null when that is lost.</returns>
    internal static DateTimeOffset? Write(string folder, string sweep, IReadOnlyList<ExperimentRun> runs, LedgerStore ledger, SweepState? state, IReadOnlyList<ManifestEntry>? aside = null)
    {
        var batches = runs.Select(r => BatchesOf(r, ledger)).ToList();
        // Nobody knows what they ask: this list is all that is left of them.
        var missed = ledger.MissedBatches(sweep);
        var own = runs.Select(r => r.Plan.Experiment.Name).ToHashSet(StringComparer.Ordinal);
        var path = Path.Combine(folder, FileName);
        var now = runs[0].Plan.Now;
        while (!TryReplace())
        {
            // Another command has written it meanwhile: its experiments belong in there, too.
        }

        return now;

        bool TryReplace()
        {
            var before = BytesOf(path);
            now = NowOf(before, runs[0].Plan.Now);
            using var file = new AtomicFile(path);
            Fill(file.Stream, EntriesOf(before).Concat(aside ?? []).DistinctBy(e => e.Name).ToDictionary(e => e.Name, StringComparer.Ordinal));
            // Before others have to wait: a slow disk below runs/ must not hold up the ledger.
            file.Sync();
            return ledger.Alone(() =>
            {
                if (!before.AsSpan().SequenceEqual(BytesOf(path)))
                {
                    return false;
                }

                file.Commit();
                return true;
            });
        }

        void Fill(Stream stream, Dictionary<string, ManifestEntry> known)
        {
            using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
            writer.WriteStartObject();
            writer.WriteNumber("version", 1);
            writer.WriteString("sweep", sweep);
            writer.WriteString("state", state switch { SweepState.Done => "done", SweepState.Incomplete => "incomplete", _ => "pending" });
            if (now is { } time)
            {
                writer.WriteString("now", time);
            }
            else
            {
                writer.WriteNull("now");
            }

            writer.WriteStartArray("experiments");
            foreach (var (run, waiting) in runs.Zip(batches))
            {
                var entry = known.GetValueOrDefault(run.Plan.Experiment.Name);
                WriteExperiment(writer, run, [.. waiting, .. missed.Intersect(entry?.Batches ?? []).Except(waiting)], entry);
            }

            foreach (var entry in known.Values.Where(e => !own.Contains(e.Name) && File.Exists(Path.Combine(folder, e.Name, "config.yaml"))))
            {
                entry.WriteTo(writer);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.Flush();
            stream.Write("\n"u8);
        }
    }

    /// <summary>Returns what <c>now</c> is in a sweep's templates: what its manifest says, or that of a command which begins it. Null when there are results, and the manifest is damaged or gone.</summary>
    /// <param name="folder">The sweep's folder.</param>
    /// <param name="begun">When the command began.</param>
    internal static DateTimeOffset? NowIn(string folder, DateTimeOffset? begun)
    {
        var manifest = BytesOf(Path.Combine(folder, FileName));
        // Each result may rest on a prompt with the time that is lost: another time would ask, and pay, for all of them again.
        return NowOf(manifest, IsManifest(manifest) || !HasResults(folder) ? begun : null);
    }

    /// <summary>Returns the batches at a provider that a sweep waited for when its manifest was written; none when there is no manifest, or it cannot be read.</summary>
    internal static IReadOnlyList<string> BatchesIn(string folder) => [.. EntriesIn(folder).SelectMany(entry => entry.Batches).Where(id => !CustomId.IsIntent(id)).Distinct()];

    /// <summary>Returns what a manifest says of the time; what it is otherwise when there is none, or it is of an earlier version, which did not say.</summary>
    private static DateTimeOffset? NowOf(byte[] manifest, DateTimeOffset? otherwise)
    {
        if (!IsManifest(manifest))
        {
            return otherwise;
        }

        using var document = JsonDocument.Parse(manifest);
        return !document.RootElement.TryGetProperty("now", out var now) ? otherwise
            : now.ValueKind == JsonValueKind.String && now.TryGetDateTimeOffset(out var time) ? time : null;
    }

    private static bool IsManifest(byte[] file)
    {
        try
        {
            using var document = JsonDocument.Parse(file);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            // There is none yet, or it is damaged.
            return false;
        }
    }

    private static bool HasResults(string folder) => Directory.Exists(folder)
        && Directory.EnumerateDirectories(folder).Any(f => new FileInfo(Path.Combine(f, "results.jsonl")) is { Exists: true, Length: > 0 });

    private static byte[] BytesOf(string path) => File.Exists(path) ? File.ReadAllBytes(path) : [];

    private static List<ManifestEntry> Entries(JsonDocument document) =>
        [.. document.RootElement.GetProperty("experiments").EnumerateArray().Select(ManifestEntry.Read)];

    private static List<string> BatchesOf(ExperimentRun run, LedgerStore ledger) =>
        [.. run.WaitsFor.Order().Where(row => row != 0).Select(ledger.Get).OfType<Intent>().Select(intent => intent.BatchId ?? intent.Id)];

    private static void WriteExperiment(Utf8JsonWriter writer, ExperimentRun run, IReadOnlyList<string> batches, ManifestEntry? known)
    {
        var experiment = run.Plan.Experiment;
        // One that was opened again comes from its composed config, which does not tell.
        var isReopened = experiment.Overrides is null && known is not null;
        writer.WriteStartObject();
        writer.WriteString("name", experiment.Name);
        writer.WriteString("source", isReopened ? known!.Source : experiment.Source);
        if ((isReopened ? known!.Overrides : experiment.Overrides) is { } overrides)
        {
            WriteTexts(writer, "overrides", overrides);
        }

        if (run.Summary is { } summary)
        {
            writer.WriteNumber("samples", summary.Samples);
            writer.WriteNumber("done", summary.Done);
            writer.WriteNumber("failed", summary.Failed);
            writer.WriteNumber("pending", summary.Pending);
            ExperimentFiles.WriteScores(writer, summary);
        }

        // What it waits for is only known once it was replayed.
        WriteTexts(writer, "batches", run.Summary is null && known is not null ? known.Batches : batches);
        writer.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter writer, string name, IReadOnlyList<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (var text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }
}
