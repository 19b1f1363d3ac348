using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sluice.Simulator;

namespace Sluice.Journeys;

/// <summary>1,319 real questions and what four real models answered, through both dialects.</summary>
public sealed partial class GsmJourneys : Journey
{
    private static readonly (string Model, string Provider)[] Models =
    [
        ("gsm8k-6b-finetuning", "openai"), ("gsm8k-6b-verification", "anthropic"), ("gsm8k-175b-finetuning", "openai"), ("gsm8k-175b-verification", "anthropic"),
    ];

    [Fact]
    public async Task A_sweep_over_gsm8k_reports_the_true_accuracy_of_each_model_and_pays_once()
    {
        var data = Find() ?? "";
        Assert.SkipWhen(data.Length == 0, "shared/data/gsm8k does not lie beside this repository or above it");
        await ProviderAsync(options: new SimulatorOptions
        {
            Folder = Path.Combine(Folder, "provider"), RecordingsPath = Path.Combine(data, "recorded-solutions.jsonl"), OnMissing = MissingRecording.Refuse,
        });
        foreach (var (model, provider) in Models)
        {
            Write($"configs/{model}.yaml", $$$"""
                name: {{{model}}}
                dataset: '{{{Path.Combine(data, "test.jsonl")}}}'
                model: { provider: {{{provider}}}, name: {{{model}}}, params: { temperature: 0, max_tokens: 2048 } }
                user: "{{ sample.question }}"
                scores:
                  - { name: accuracy, type: numeric, value: "{{ steps.answer.text }}", pattern: 'A:\s*(.+)', target: "{{ sample.answer }}", target_pattern: '####\s*(.+)' }
                """);
        }

        var first = (await SweepAsync()).Is(0);

        var truth = Truth(data);
        foreach (var experiment in first.Json["experiments"]!.AsArray())
        {
            var accuracy = experiment!["scores"]!["accuracy"]!;
            Assert.Equal(1319, accuracy["n"]!.GetValue<int>());
            Assert.Equal(truth[(string)experiment["name"]!], accuracy["mean"]!.GetValue<double>(), 6);
        }

        Assert.Equal(4 * 1319, first.Sent);
        Assert.Equal((2 * 1319, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        Assert.Equal((2 * 1319, 0), (Anthropic.DistinctBodies, Anthropic.RepeatedBodies));
        Assert.Equal(2 * 1319, OpenAI.LinesExecuted);
        Assert.Equal(2 * 1319, Anthropic.LinesExecuted);

        var second = (await SweepAsync()).Is(0);

        Assert.Equal(0, second.Sent);
        Assert.Equal(2 * 1319, OpenAI.LinesExecuted);
        Assert.Equal(2, OpenAI.BatchesCreated);
        Assert.Equal(2, Anthropic.BatchesCreated);
        Assert.Empty(Simulator.Stats.InternalErrors);
    }

    /// <summary>Counts right answers by the data set's own rule, without any of the program's code.</summary>
    private static Dictionary<string, double> Truth(string data)
    {
        var targets = File.ReadLines(Path.Combine(data, "test.jsonl")).Select(line => JsonNode.Parse(line)!)
            .ToDictionary(row => (string)row["question"]!, row => Number(((string)row["answer"]!).Split("####")[^1]));
        var right = new Dictionary<string, int>();
        foreach (var row in File.ReadLines(Path.Combine(data, "recorded-solutions.jsonl")).Select(line => JsonNode.Parse(line)!))
        {
            var said = ((string)row["completion"]!).Split("A:");
            var model = (string)row["model"]!;
            right.TryAdd(model, 0);
            if (said.Length > 1 && Number(said[^1]) is { } number && number == targets[(string)row["prompt"]!])
            {
                right[model]++;
            }
        }

        return right.ToDictionary(pair => pair.Key, pair => pair.Value / 1319.0);
    }

    private static decimal? Number(string text)
    {
        var numbers = Numbers().Matches(text);
        return numbers.Count == 0 ? null : decimal.Parse(numbers[^1].Value.Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var data = Path.Combine(folder.FullName, "shared", "data", "gsm8k");
            if (File.Exists(Path.Combine(data, "recorded-solutions.jsonl")))
            {
                return data;
            }
        }

        return null;
    }

    [GeneratedRegex(@"-?\d[\d,]*(\.\d+)?")]
    private static partial Regex Numbers();
}
