using System.Text.Json.Nodes;
using Sluice.Configuration;
using Sluice.Configuration.Composition;
using Sluice.Configuration.Overrides;

namespace Sluice.Tests.Configuration.Composition;

/// <summary>What the real Hydra 1.3 did with 545 config folders, error messages included.</summary>
public sealed class HydraCasesTests
{
    private static readonly Dictionary<string, HydraCase> Cases = HydraCase.All().ToDictionary(c => c.Name, StringComparer.Ordinal);

    public static IEnumerable<TheoryDataRow<string>> Names => Cases.Count == 0
        ? [new TheoryDataRow<string>("") { Skip = HydraCase.Absent }]
        : Cases.Keys.Select(name => new TheoryDataRow<string>(name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Composes_as_the_real_Hydra_did(string name)
    {
        HydraCase recorded = Cases[name];
        using var folder = new TemporaryFolder(recorded);
        List<Result> results;
        try
        {
            results = folder.Run();
        }
        catch (ConfigException error)
        {
            Assert.True(recorded.Expected.ContainsKey("error_kind"), $"an error was not expected: {error.Message}");
            AssertError(recorded.Expected, error);
            return;
        }

        Assert.False(recorded.Expected.ContainsKey("error_kind"), $"expected the error `{recorded.Expected["error_message"]}`, got {string.Join(' ', results.Select(r => HydraCase.Json(r.Config)))}");
        Assert.Equal(recorded.Expected["configs"]!.AsArray().Select(HydraCase.Json), results.Select(r => HydraCase.Json(r.Config)));
        if (recorded.Expected["raw_configs"] is JsonArray raw)
        {
            Assert.Equal(raw.Select(HydraCase.Json), results.Select(r => HydraCase.Json(r.Composition.Job)));
        }

        JsonArray jobs = recorded.Expected["jobs"]!.AsArray();
        Assert.All(jobs.Zip(results), pair => AssertJob(pair.First!.AsObject(), pair.Second));
        if (results.Count > 0 && recorded.Expected["defaults"] is JsonArray defaults)
        {
            Assert.Equal(
                defaults.Select(entry => $"{entry![0]} in `{entry[1]}`"),
                results[0].Composition.Defaults.Where(e => !e.Config.Name.StartsWith("hydra/", StringComparison.Ordinal) && e.Name.Length > 0).Select(e => $"{e.Name} in `{e.Package}`"));
        }

        Assert.Equal((bool?)recorded.Expected["warns_missing_self"] ?? false, results.Exists(r => r.Composition.LacksSelf));
    }

    private static void AssertError(JsonObject expected, ConfigException error)
    {
        Assert.Contains((string)expected["error_contains"]!, error.Message, StringComparison.Ordinal);
        Assert.Equal((string)expected["error_kind"]!, KindOf(error.Kind));
    }

    private static void AssertJob(JsonObject expected, Result actual)
    {
        Assert.Equal((int?)expected["num"], actual.Composition.Number);
        string[] task = [.. actual.Composition.Overrides.Where(o => !o.IsHydra).Select(o => o.Text)];
        Assert.Equal(expected["overrides"]!.AsArray().Select(text => (string)text!), task);
        Assert.Equal((string)expected["override_dirname"]!, actual.Composition.HydraText("job", "override_dirname"));
        Assert.Equal((string)expected["output_dir"]!, actual.OutputFolder);
        Assert.Equal((string?)expected["job_name"] ?? "my_app", actual.Composition.HydraText("job", "name"));
        Assert.Equal(
            expected["choices"]!.AsObject().Select(choice => $"{choice.Key}={choice.Value}").Order(StringComparer.Ordinal),
            actual.Composition.Choices.Where(c => !c.Key.StartsWith("hydra/", StringComparison.Ordinal)).Select(c => $"{c.Key}={Choice(c.Value)}").Order(StringComparer.Ordinal));

        static string? Choice(OptionChoice? choice) => choice is { IsList: true }
            ? new JsonArray([.. choice.Names.Select(option => (JsonNode)option)]).ToString()
            : choice?.Text;
    }

    private static string KindOf(ConfigErrorKind kind) => string.Concat(kind.ToString().Select((c, i) => char.IsUpper(c) ? (i > 0 ? "_" : "") + char.ToLowerInvariant(c) : c.ToString()));

    private sealed record Result(Sluice.Configuration.Composition.Composition Composition, ConfigMapping Config, string OutputFolder);

    /// <summary>The case's files on disk.</summary>
    private sealed class TemporaryFolder : IDisposable
    {
        private readonly HydraCase _case;
        private readonly string _folder = Directory.CreateTempSubdirectory("sluice-hydra-").FullName;

        public TemporaryFolder(HydraCase recorded)
        {
            _case = recorded;
            Directory.CreateDirectory(Path.Join(_folder, "configs"));
            foreach ((string path, string text) in recorded.Files)
            {
                string full = Path.GetFullPath(Path.Join(_folder, "configs", path));
                Directory.CreateDirectory(Path.GetDirectoryName(full)!);
                File.WriteAllText(full, text);
            }
        }

        /// <summary>Composes and resolves all jobs; whatever cannot be resolved is thrown.</summary>
        public List<Result> Run()
        {
            var options = new ComposerOptions { CurrentDirectory = _folder, Environment = _case.Environment, JobName = "my_app" };
            List<ConfigSource> sources = [new FolderSource("configs", _folder, "main")];
            if (_case.ConfigDir is { } more)
            {
                sources.Add(new FolderSource(Path.Join("configs", more), _folder, "command-line"));
            }

            Override[] overrides = [.. _case.Overrides.Select(Override.Parse)];
            Composer composer = Composer.Open(sources, _case.ConfigName, overrides, options);
            HydraSweep sweep = HydraSweep.Of(composer, overrides, _case.IsMultirun);
            var results = sweep.Jobs().Select(job => new Result(job, Resolved(job), Folder(job))).ToList();
            Assert.Equal(results.Count, sweep.Count);
            return results;
        }

        private static ConfigMapping Resolved(Sluice.Configuration.Composition.Composition job)
        {
            ConfigException? problem = null;
            ConfigMapping resolved = job.Interpolate((_, error) => problem ??= error).ResolveAll();
            return problem is null ? resolved : throw problem;
        }

        public void Dispose() => Directory.Delete(_folder, recursive: true);

        private static string Folder(Sluice.Configuration.Composition.Composition job) => System.Text.RegularExpressions.Regex.Replace(
            job.OutputFolder(), @"\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d", "<DATE>/<TIME>", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1));
    }
}
