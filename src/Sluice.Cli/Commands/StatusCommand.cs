using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Sluice.Cli.Views;
using Sluice.Ledger;
using Sluice.Sweeps;
using Spectre.Console;

namespace Sluice.Cli.Commands;

/// <summary><c>status</c>: batches and sweeps of the workspace, from disk alone.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var all = new Option<bool>("--all") { Description = "Show finished batches too (the latest 100)." };
        var command = new Command("status", "Show the workspace's sweeps and batches; asks no provider.") { all };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var session = new Session(parsed.GetValue(CommonOptions.Workspace)!);
            await using var _ = session.ConfigureAwait(false);
            IReadOnlyList<Intent> intents = session.ExistingLedger is not { } ledger ? [] : parsed.GetValue(all) ? ledger.Latest(100) : ledger.Open();
            var sweeps = SweepManifest.Sweeps(session.Workspace);
            await session.WarnOfLossAsync(cancellationToken).ConfigureAwait(false);
            var unread = new List<SluiceException>();
            if (parsed.GetValue(CommonOptions.Json))
            {
                Json(session, intents, sweeps, unread);
            }
            else
            {
                Show(session, intents, sweeps, unread);
            }

            unread.ForEach(error => Terminal.Error(error.Message, error.Hint));
            return unread.Count > 0 ? ExitCodes.Of(unread[0].Kind) : intents.Any(i => i.IsOpen) ? ExitCodes.Pending : ExitCodes.Done;
        });
        return command;
    }

    private static long SumOf(IEnumerable<JsonElement> experiments, string name) => experiments.Sum(e => e.TryGetProperty(name, out var value) ? value.GetInt64() : 0);

    /// <summary>Reads a sweep's manifest; one that cannot be read is kept in mind, and keeps nobody from the other sweeps.</summary>
    private static JsonDocument? Manifest(Session session, string sweep, List<SluiceException> unread)
    {
        try
        {
            return SweepManifest.Read(session.Workspace, sweep);
        }
        catch (SluiceException error)
        {
            unread.Add(error);
            return null;
        }
    }

    private static void Show(Session session, IReadOnlyList<Intent> intents, IReadOnlyList<string> sweeps, List<SluiceException> unread)
    {
        foreach (var sweep in sweeps)
        {
            using var manifest = Manifest(session, sweep, unread);
            if (manifest is null)
            {
                continue;
            }

            var experiments = manifest.RootElement.GetProperty("experiments").EnumerateArray().ToList();
            long Sum(string name) => SumOf(experiments, name);
            // The state is that of the last command, which was not about them.
            var earlier = SumOf(experiments.Where(e => e.TryGetProperty("earlier", out var isEarlier) && isEarlier.GetBoolean()), "pending");
            var counts = Sum("samples") == 0
                ? "no sample counted yet"
                : $"{Numbers.Count(Sum("done"))} of {Numbers.Of(Sum("samples"), "sample")} done, {Numbers.Count(Sum("failed"))} failed, {Numbers.Count(Sum("pending"))} pending{(earlier > 0 ? $" ({Numbers.Count(earlier)} in experiments of earlier commands)" : "")}";
            Terminal.Out.WriteLine($"{sweep}: {manifest.RootElement.GetProperty("state").GetString()}, {Numbers.Of(experiments.Count, "experiment")}, {counts}");
        }

        if (intents.Count == 0)
        {
            Terminal.Out.WriteLine(sweeps.Count == 0 ? "nothing here yet: start with `sluice run CONFIGS`" : "no batches on their way");
            if (SweepManifest.Waiting(session.Workspace) is { Count: > 0 } waiting)
            {
                Terminal.Hint($"`sluice retrieve` writes the results of {string.Join(", ", waiting)}; what was never sent is sent when the same configs are run again");
            }

            return;
        }

        var table = new Table().Border(TableBorder.Rounded).AddColumn("batch").AddColumn("provider").AddColumn("model").AddColumn("state")
            .AddColumn(new TableColumn("requests").RightAligned()).AddColumn(new TableColumn("size").RightAligned()).AddColumn(new TableColumn("age").RightAligned());
        foreach (var intent in intents)
        {
            table.AddRow(
                new Text(intent.BatchId ?? intent.Id), new Text(intent.Provider.Provider), new Text(intent.Model), new Text(Word(intent.State) + (intent.IsProvisional ? ", perhaps ours" : "")), new Text(Numbers.Count(intent.Count)),
                new Text(Numbers.Bytes(intent.Bytes)), new Text(Numbers.Age(session.Time.GetUtcNow() - intent.CreatedAt)));
        }

        Terminal.Out.Write(table);
        foreach (var intent in intents.Where(i => i.Note is not null))
        {
            Terminal.Print($"{intent.BatchId ?? intent.Id}: {intent.Note}{Since(session, intent)}");
        }
    }

    private static void Json(Session session, IReadOnlyList<Intent> intents, IReadOnlyList<string> sweeps, List<SluiceException> unread) => JsonOut.Write(writer =>
    {
        writer.WriteStartArray("sweeps");
        foreach (var sweep in sweeps)
        {
            using var manifest = Manifest(session, sweep, unread);
            manifest?.RootElement.WriteTo(writer);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("batches");
        foreach (var intent in intents)
        {
            writer.WriteStartObject();
            writer.WriteString("intent", intent.Id);
            writer.WriteString("batch", intent.BatchId);
            writer.WriteString("provider", intent.Provider.Provider);
            writer.WriteString("model", intent.Model);
            writer.WriteString("state", Word(intent.State));
            writer.WriteNumber("requests", intent.Count);
            writer.WriteNumber("bytes", intent.Bytes);
            writer.WriteString("created_at", intent.CreatedAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
            writer.WriteNumber("age_seconds", (long)(session.Time.GetUtcNow() - intent.CreatedAt).TotalSeconds);
            writer.WriteString("note", intent.Note);
            writer.WriteString("trouble_since", intent.TroubleSince?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
            writer.WriteBoolean("perhaps_ours", intent.IsProvisional);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    /// <summary>Says since when something keeps a batch from its end, and what people can do about it.</summary>
    private static string Since(Session session, Intent intent) => intent.TroubleSince is not { } since
        ? ""
        : $" (since {since.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC, {Numbers.Age(session.Time.GetUtcNow() - since)}); `sluice resend {intent.BatchId}` gives it up, so that its requests are asked again";

    private static string Word(IntentState state) => state switch
    {
        IntentState.Spooling => "spooling",
        IntentState.Sealed => "sealed",
        IntentState.Uploaded => "uploaded",
        IntentState.Creating => "creating",
        IntentState.Submitted => "submitted",
        IntentState.Ingested => "ingested",
        IntentState.Unknown => "unknown",
        IntentState.NeedsHuman => "needs a decision",
        _ => "refused",
    };
}
