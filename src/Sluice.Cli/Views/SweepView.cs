using System.Text.Json;
using Sluice.Sweeps;
using Spectre.Console;

namespace Sluice.Cli.Views;

/// <summary>The result of a sweep as a table or as JSON.</summary>
internal static class SweepView
{
    public static string Word(SweepState state) => state switch
    {
        SweepState.Done => "done",
        SweepState.Incomplete => "incomplete",
        SweepState.Pending => "pending",
        SweepState.Interrupted => "interrupted",
        _ => "error",
    };

    public static void Table(SweepOutcome outcome)
    {
        var (result, shadow) = outcome;
        var scores = result.Experiments.SelectMany(e => e.Plan.Experiment.Scores.Select(s => s.Name)).Distinct().ToList();
        var table = new Table().Border(TableBorder.Rounded).AddColumn("experiment");
        foreach (var name in (string[])["samples", "cached", "sent", "failed", "pending", .. scores, "cost"])
        {
            table.AddColumn(new TableColumn(Markup.Escape(name)).RightAligned());
        }

        foreach (var experiment in result.Experiments)
        {
            var summary = experiment.Summary;
            table.AddRow([
                new Text(experiment.Plan.Experiment.Name),
                Cell(summary is null ? "-" : Numbers.Count(summary.Samples)),
                Cell(Numbers.Count(experiment.Cached)),
                Cell(Numbers.Count(experiment.Sent)),
                Cell(summary is null ? "-" : Numbers.Count(summary.Failed)),
                Cell(summary is null ? "-" : Numbers.Count(summary.Pending)),
                .. scores.Select(name => Cell(ScoreOf(experiment, name))),
                Cell(summary is null ? "-" : Numbers.Money(summary.CostUsd))]);
        }

        Terminal.Out.Write(table);
        if (scores.Count > 0)
        {
            Terminal.Out.WriteLine("scores: mean ± standard error over the samples that are done; failed and pending ones are not in it");
        }

        Terminal.Out.WriteLine($"paid by this command: {(result.Unknown.Calls > 0 ? "at least " : "")}{Numbers.Money(result.SpentUsd)} for {Numbers.Count(result.SpentTokens.Input)} tokens in, {Numbers.Count(result.SpentTokens.Output)} out");
        if (result.Unknown is (> 0, _) and var (calls, usd))
        {
            Terminal.Out.WriteLine($"not known: the outcome of {Numbers.Of(calls, "live call")}, which may have cost about {Numbers.Money(usd)} more");
        }

        if (result.Experiments.Sum(e => e.Joined) is > 0 and var joined)
        {
            Terminal.Out.WriteLine($"joined: {Numbers.Of(joined, "answer")} that another experiment, or an earlier command, had asked for");
        }

        foreach (var experiment in result.Experiments.Where(e => e.Held > 0))
        {
            Terminal.Out.WriteLine($"{experiment.Plan.Experiment.Name}: {Numbers.Of(experiment.Held, "request")} held back by its budget");
        }

        foreach (var experiment in result.Experiments.Where(e => e.Stopped > 0))
        {
            Terminal.Out.WriteLine($"{experiment.Plan.Experiment.Name}: {Numbers.Of(experiment.Stopped, "request")} not sent, because the first ones of the step all failed in the same way");
        }

        if (result.Experiments.Sum(e => e.Summary?.SkippedRecords ?? 0) is > 0 and var skipped)
        {
            Terminal.Out.WriteLine($"skipped: {Numbers.Of(skipped, "broken record")}");
        }

        foreach (var error in result.Experiments.SelectMany(e => e.Summary?.Errors ?? []).Distinct().Take(5))
        {
            Terminal.Out.WriteLine($"failed: {Terminal.Clean(error)}");
        }

        if (shadow is not null)
        {
            Terminal.Out.WriteLine($"shadow cache: {Numbers.Of(shadow.Compared, "look-up")} compared, {Numbers.Count(shadow.Differ)} differ, {Numbers.Count(shadow.Missing)} missing there, {Numbers.Count(shadow.Surplus)} only there, {Numbers.Of(shadow.Troubles, "failed call")}");
        }

        Terminal.Out.WriteLine($"results: {Path.GetRelativePath(Environment.CurrentDirectory, result.Folder)}");
    }

    /// <summary>Prints one document: the first sweep's, with those of the others in <c>other_sweeps</c>.</summary>
    public static void Json(IReadOnlyList<SweepOutcome> outcomes) => JsonOut.Write(writer =>
    {
        Json(writer, outcomes[0]);
        if (outcomes.Count == 1)
        {
            return;
        }

        writer.WriteStartArray("other_sweeps");
        foreach (var outcome in outcomes.Skip(1))
        {
            writer.WriteStartObject();
            Json(writer, outcome);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static void Json(Utf8JsonWriter writer, SweepOutcome outcome)
    {
        var (result, shadow) = outcome;
        writer.WriteString("sweep", result.Name);
        writer.WriteString("state", Word(result.State));
        if (outcome.Error is not null)
        {
            writer.WriteStartObject("error");
            writer.WriteString("message", outcome.Ending.Message);
            writer.WriteString("hint", outcome.Ending.Hint);
            writer.WriteEndObject();
        }

        writer.WriteString("folder", result.Folder);
        var summaries = result.Experiments.Where(e => e.Summary is not null).Select(e => e.Summary!).ToList();
        writer.WriteStartObject("totals");
        writer.WriteNumber("experiments", result.Experiments.Count);
        writer.WriteNumber("samples", summaries.Sum(s => s.Samples));
        writer.WriteNumber("done", summaries.Sum(s => s.Done));
        writer.WriteNumber("cached", result.Experiments.Sum(e => e.Cached));
        writer.WriteNumber("sent", result.Experiments.Sum(e => e.Sent));
        writer.WriteNumber("joined", result.Experiments.Sum(e => e.Joined));
        writer.WriteNumber("held", result.Experiments.Sum(e => e.Held));
        writer.WriteNumber("stopped", result.Experiments.Sum(e => e.Stopped));
        writer.WriteNumber("failed", summaries.Sum(s => s.Failed));
        writer.WriteNumber("pending", summaries.Sum(s => s.Pending));
        writer.WriteNumber("skipped_records", summaries.Sum(s => s.SkippedRecords));
        writer.Number("cost_usd", summaries.Aggregate((double?)0, (sum, s) => sum + s.CostUsd));
        writer.Number("spent_usd", result.SpentUsd);
        writer.WriteNumber("unknown_calls", result.Unknown.Calls);
        writer.Number("unknown_usd", result.Unknown.Usd);
        writer.WriteNumber("spent_input_tokens", result.SpentTokens.Input);
        writer.WriteNumber("spent_output_tokens", result.SpentTokens.Output);
        writer.WriteEndObject();
        writer.WriteStartArray("experiments");
        foreach (var experiment in result.Experiments)
        {
            Experiment(writer, experiment);
        }

        writer.WriteEndArray();
        if (shadow is not null)
        {
            writer.WriteStartObject("shadow");
            writer.WriteNumber("compared", shadow.Compared);
            writer.WriteNumber("differ", shadow.Differ);
            writer.WriteNumber("missing", shadow.Missing);
            writer.WriteNumber("surplus", shadow.Surplus);
            writer.WriteNumber("troubles", shadow.Troubles);
            writer.WriteEndObject();
        }
    }

    private static void Experiment(Utf8JsonWriter writer, ExperimentResult experiment)
    {
        writer.WriteStartObject();
        writer.WriteString("name", experiment.Plan.Experiment.Name);
        writer.WriteNumber("cached", experiment.Cached);
        writer.WriteNumber("sent", experiment.Sent);
        writer.WriteNumber("joined", experiment.Joined);
        writer.WriteNumber("held", experiment.Held);
        writer.WriteNumber("stopped", experiment.Stopped);
        if (experiment.Summary is { } summary)
        {
            writer.WriteNumber("samples", summary.Samples);
            writer.WriteNumber("done", summary.Done);
            writer.WriteNumber("failed", summary.Failed);
            writer.WriteNumber("pending", summary.Pending);
            writer.WriteNumber("skipped_records", summary.SkippedRecords);
            writer.WriteStartObject("scores");
            foreach (var (name, metric) in summary.Scores)
            {
                writer.WriteStartObject(name);
                writer.Number("mean", metric.Mean);
                writer.Number("stderr", metric.StandardError);
                writer.WriteNumber("n", metric.Count);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
            writer.Number("cost_usd", summary.CostUsd);
            writer.WriteStartArray("errors");
            foreach (var error in summary.Errors)
            {
                writer.WriteStringValue(error);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static string ScoreOf(ExperimentResult experiment, string name)
    {
        foreach (var (score, metric) in experiment.Summary?.Scores ?? [])
        {
            if (score == name)
            {
                return Numbers.Score(metric.Mean, metric.StandardError);
            }
        }

        return "-";
    }

    private static Text Cell(string text) => new(text);
}
