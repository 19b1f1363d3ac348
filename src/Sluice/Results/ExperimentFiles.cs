using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sluice.Experiments.Replaying;
using Sluice.Storage;

namespace Sluice.Results;

/// <summary>The files of one experiment's results: <c>config.yaml</c>, <c>results.jsonl</c>, <c>summary.json</c>.</summary>
internal sealed class ExperimentFiles(string folder)
{
    /// <summary>Gets the file of results, one line per sample and epoch.</summary>
    public string ResultsPath => Path.Combine(folder, "results.jsonl");

    /// <summary>Gets whether there are results.</summary>
    public bool HasResults => File.Exists(ResultsPath);

    /// <summary>Deletes what killed processes left unfinished.</summary>
    public void DropLeftovers(TimeProvider time) => AtomicFile.DropLeftovers(folder, time);

    /// <summary>Writes the composed configuration.</summary>
    public void WriteConfig(string yaml)
    {
        var path = Path.Combine(folder, "config.yaml");
        if (!File.Exists(path) || File.ReadAllText(path) != yaml)
        {
            AtomicFile.WriteText(path, yaml);
        }
    }

    /// <summary>Starts a new version of the results.</summary>
    public AtomicFile BeginResults() => new(ResultsPath);

    /// <summary>Opens what is finished in the results that are there; null when there are none.</summary>
    public FinishedLines? OpenFinished(Experiments.ExperimentPlan plan) => FinishedLines.Open(ResultsPath, plan);

    /// <summary>Writes the summary. Nothing volatile goes in: the same results give the same bytes.</summary>
    public void WriteSummary(ReplaySummary summary)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("experiment", summary.Plan.Experiment.Name);
            writer.WriteNumber("samples", summary.Samples);
            writer.WriteNumber("done", summary.Done);
            writer.WriteNumber("failed", summary.Failed);
            writer.WriteNumber("pending", summary.Pending);
            if (summary.Kept > 0)
            {
                writer.WriteNumber("kept", summary.Kept);
            }

            writer.WriteNumber("skipped_records", summary.SkippedRecords);
            WriteScores(writer, summary);
            writer.WriteStartArray("steps");
            foreach (var step in summary.Steps)
            {
                writer.WriteStartObject();
                writer.WriteString("name", step.Name);
                writer.WriteString("provider", step.Route.Provider.Reference.Provider);
                writer.WriteString("model", step.Route.Model);
                writer.WriteNumber("answered", step.Answered);
                writer.WriteNumber("input_tokens", step.Batch.Input + step.Live.Input);
                writer.WriteNumber("output_tokens", step.Batch.Output + step.Live.Output);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            WriteMoney(writer, "cost_usd", summary.CostUsd);
            writer.WriteStartArray("errors");
            foreach (var error in summary.Errors)
            {
                writer.WriteStringValue(error);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        AtomicFile.WriteText(Path.Combine(folder, "summary.json"), Encoding.UTF8.GetString(buffer.ToArray()) + "\n");
    }

    /// <summary>Writes the metrics with their denominator: only samples that are done are in the mean.</summary>
    public static void WriteScores(Utf8JsonWriter writer, ReplaySummary summary)
    {
        writer.WriteStartObject("scores");
        foreach (var (name, metric) in summary.Scores)
        {
            writer.WriteStartObject(name);
            WriteNumber(writer, "mean", metric.Mean);
            WriteNumber(writer, "stderr", metric.StandardError);
            writer.WriteNumber("n", metric.Count);
            writer.WriteString("denominator", "done");
            writer.WriteNumber("failed", summary.Failed);
            writer.WriteNumber("pending", summary.Pending);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    /// <summary>Writes an amount in US dollars, rounded to a millionth of a cent; null when it is not known.</summary>
    public static void WriteMoney(Utf8JsonWriter writer, string name, double? amount) =>
        WriteNumber(writer, name, amount is { } usd ? Math.Round(usd, 8) : null);

    private static void WriteNumber(Utf8JsonWriter writer, string name, double? value)
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
