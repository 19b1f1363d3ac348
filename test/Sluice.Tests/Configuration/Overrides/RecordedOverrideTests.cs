using System.Text.Json.Nodes;
using Sluice.Configuration;
using Sluice.Configuration.Overrides;
using Override = Sluice.Configuration.Overrides.Override;
using Sluice.Tests.Configuration.Composition;

namespace Sluice.Tests.Configuration.Overrides;

/// <summary>What Hydra itself was recorded to do, when the recordings stand beside the repository.</summary>
public sealed class RecordedOverrideTests
{
    [Fact]
    public void Sweeps_give_the_recorded_jobs()
    {
        int jobs = 0;
        foreach (JsonNode recorded in Cases())
        {
            string[] texts = Overrides(recorded);
            if (recorded["mode"]!.GetValue<string>() != "multirun"
                || recorded["expect"]!["jobs"] is not JsonArray expected
                || HasSweeperParams(recorded)
                || texts.Any(static text => text.Contains("glob(", StringComparison.Ordinal)))
            {
                continue;
            }

            IReadOnlyList<Override>[] actual = [.. SweepExpansion.Jobs([.. texts.Select(Override.Parse)], static _ => [])];
            Assert.Equal(
                expected.Select(job => $"{Name(recorded)}: {string.Join(" | ", job!["overrides"]!.AsArray())}"),
                actual.Select(job => $"{Name(recorded)}: {string.Join(" | ", job.Select(static one => one.Text))}"));
            for (int i = 0; i < actual.Length; i++)
            {
                AssertDirname(recorded, expected[i]!, actual[i]);
                jobs += AssertValues(recorded, i, actual[i]);
            }
        }

        Assert.InRange(jobs, 50, int.MaxValue);
    }

    [Fact]
    public void Single_runs_give_the_recorded_values()
    {
        int values = 0;
        foreach (JsonNode recorded in Cases())
        {
            if (recorded["mode"]!.GetValue<string>() == "run" && recorded["expect"]!["jobs"] is JsonArray { Count: 1 } jobs
                && Overrides(recorded).Select(Override.Parse).ToList() is var overrides && !overrides.Exists(static one => one.IsSweep))
            {
                AssertDirname(recorded, jobs[0]!, overrides);
                values += AssertValues(recorded, 0, overrides);
            }
        }

        Assert.InRange(values, 80, int.MaxValue);
    }

    [Fact]
    public void What_Hydra_refuses_is_refused()
    {
        int errors = 0;
        foreach (JsonNode recorded in Cases())
        {
            JsonNode expect = recorded["expect"]!;
            string kind = expect["error_kind"]?.GetValue<string>() ?? "";
            string contains = expect["error_contains"]?.GetValue<string>() ?? "";
            bool isSweepError = contains.Contains("--multirun", StringComparison.Ordinal)
                || contains.StartsWith("Ambiguous value", StringComparison.Ordinal)
                || contains.Contains("INTERVAL_SWEEP", StringComparison.Ordinal)
                || contains.StartsWith("Sweeping over", StringComparison.Ordinal);
            if (kind is not ("override_syntax" or "override_function") && !isSweepError)
            {
                continue;
            }

            ConfigException? error = Record.Exception(() => Read(recorded)) as ConfigException;
            Assert.True(error is not null, Name(recorded));
            Assert.Equal($"{Name(recorded)} {kind.Replace("_", "", StringComparison.Ordinal)}", $"{Name(recorded)} {error.Kind.ToString().ToLowerInvariant()}");
            Assert.Contains(contains, error.Message, StringComparison.Ordinal);
            errors++;
        }

        Assert.InRange(errors, 20, int.MaxValue);
    }

    private static void Read(JsonNode recorded)
    {
        Override[] overrides = [.. Overrides(recorded).Select(Override.Parse)];
        if (recorded["mode"]!.GetValue<string>() == "multirun")
        {
            SweepExpansion.Jobs(overrides, static _ => []);
            return;
        }

        foreach (Override one in overrides)
        {
            one.RequireSingle();
        }
    }

    private static void AssertDirname(JsonNode recorded, JsonNode job, IEnumerable<Override> overrides)
    {
        // Settings in files change the separators; the rest is the same.
        string[] excluded = recorded["files"]!.ToJsonString().Contains("exclude_keys", StringComparison.Ordinal) ? ["seed"] : [];
        if (!recorded["files"]!.ToJsonString().Contains("_sep", StringComparison.Ordinal))
        {
            Assert.Equal($"{Name(recorded)}: {job["override_dirname"]}", $"{Name(recorded)}: {OverrideDirname.Of(overrides, "=", ",", excluded)}");
        }
    }

    // Where a key is one plain value of the config, and no option of a group, the value must be there.
    private static int AssertValues(JsonNode recorded, int job, IReadOnlyList<Override> overrides)
    {
        JsonNode config = (recorded["expect"]!["raw_configs"] ?? recorded["expect"]!["configs"]!)[job]!;
        int compared = 0;
        IEnumerable<string> files = recorded["files"]!.AsObject().Select(static file => file.Key);
        foreach (Override one in overrides.Where(one => one.Kind != OverrideKind.Delete && one.Package is null
            && !files.Any(file => file.StartsWith(one.Key + "/", StringComparison.Ordinal))
            && overrides.All(other => other.Key == one.Key ? ReferenceEquals(other, one) : !other.Key.StartsWith(one.Key + ".", StringComparison.Ordinal))))
        {
            if (config is JsonObject mapping && mapping.ContainsKey(one.Key) && mapping[one.Key] is null or JsonValue or JsonArray)
            {
                Assert.Equal($"{Name(recorded)}: {Shown.Of(mapping[one.Key])}", $"{Name(recorded)}: {Shown.Of(((OverrideElement)one.Value!).ToNode())}");
                compared++;
            }
        }

        return compared;
    }

    private static bool HasSweeperParams(JsonNode recorded) => recorded["files"]!.AsObject().Any(static file =>
        file.Value!.GetValue<string>().Contains("sweeper", StringComparison.Ordinal) && file.Value!.GetValue<string>().Contains("params", StringComparison.Ordinal));

    private static string Name(JsonNode recorded) => recorded["name"]!.GetValue<string>();

    private static string[] Overrides(JsonNode recorded) => [.. recorded["overrides"]!.AsArray().Select(static text => text!.GetValue<string>())];

    private static List<JsonNode> Cases() =>
        [.. Directory.GetFiles(HydraCase.RequireFolder(), "*.json").Order(StringComparer.Ordinal)
            .SelectMany(static file => JsonNode.Parse(File.ReadAllText(file))!["cases"]!.AsArray().Select(static one => one!))];
}
