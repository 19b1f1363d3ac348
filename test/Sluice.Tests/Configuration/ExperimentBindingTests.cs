using Sluice.Caching;
using Sluice.Configuration;
using Sluice.Datasets;
using Sluice.Experiments;

namespace Sluice.Tests.Configuration;

public sealed class ExperimentBindingTests : IDisposable
{
    private const string Everything = """
        name: all
        batch_mode: false
        epochs: 2
        dataset: { path: data.jsonl, format: csv, id: key, limit: 10, offset: 3, on_error: skip }
        model:
          provider: openai
          name: gpt
          api: responses
          base_url: https://host/v1
          api_key_env: MY_KEY
          params: { temperature: 0, top_p: 1e-1, stop: [a, null, true], big: 9007199254740992 }
          price: { input: 1, output: 2.5, batch_input: 0.5, batch_output: 1.25 }
        steps:
          - { name: one, system: "{{ s }}", user: "{{ u }}" }
          - { name: two, messages: [{ role: user, content: hi }], model: { provider: anthropic, name: haiku } }
          - { name: three, body: { input: [1, 0x10], nested: { "1": x } } }
        scores:
          - { name: s, type: regex, value: v, target: "[0-9]+", pattern: "A: (.*)", target_pattern: "B", ignore_case: true, tolerance: 0.5 }
          - { name: t, type: exact, value: v, target: 42 }
        budget: { usd: 20 }
        memory: { required_gb: 10, enforce: true }
        live: { concurrency: 8, max_attempts: 2, timeout_seconds: 1.5, resend_unknown: 0, stop_after: 5, unreachable_seconds: 30 }
        batch: { max_requests: 1e3, max_bytes: 5_000_000_000, max_attempts: 4 }
        cache:
          tiers: [memory, redis]
          memory_mb: 64
          compress: true
          shadow: sqlite
          redis: { url: "rediss://cache.example:6380/2", prefix: team }
          scope: study two
          read: false
          write: false
          expiry: 30d
          not_before: 2026-11-24T12:00:00Z
          store_requests: true

        """;

    private readonly ConfigFolder _folder = new();

    [Fact]
    public void Every_field_reaches_the_experiment()
    {
        Experiment experiment = _folder.Load(Everything);

        Assert.Equal(("all", "a.yaml", false, 2), (experiment.Name, experiment.Source, experiment.BatchMode, experiment.Epochs));
        Assert.Equal(
            new DatasetOptions { Path = Path.Join(_folder.Path, "data.jsonl"), Format = "csv", Id = "key", Limit = 10, Offset = 3, OnError = RecordErrorPolicy.Skip },
            experiment.Dataset);
        Assert.Equal(
            new CacheOptions
            {
                Scope = "study two", Read = false, Write = false, Expiry = TimeSpan.FromDays(30), NotBefore = new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero), StoreRequests = true,
                Stores = new CacheSettings { Backend = "redis", MemoryFirst = true, MemoryMb = 64, Compress = true, Shadow = "sqlite", RedisUrl = "rediss://cache.example:6380/2", RedisPrefix = "team" },
            },
            experiment.Cache);
        ModelOptions model = experiment.Steps[0].Model;
        Assert.Equal(("openai", "gpt", "responses", "https://host/v1", "MY_KEY"), (model.Provider, model.Name, model.Api, model.BaseUrl, model.ApiKeyEnv));
        Assert.Equal("""{"temperature":0,"top_p":0.1,"stop":["a",null,true],"big":9007199254740992}""", model.Params.ToJsonString());
        Assert.Equal(new ModelPrice(1, 2.5, 0.5, 1.25), model.Price);
        Assert.Equal(["one", "two", "three"], experiment.Steps.Select(static step => step.Name));
        Assert.Equal(("{{ s }}", "{{ u }}"), (experiment.Steps[0].System, experiment.Steps[0].User));
        Assert.Equal("""[{"role":"user","content":"hi"}]""", experiment.Steps[1].Messages!.ToJsonString());
        Assert.Equal(("anthropic", "haiku"), (experiment.Steps[1].Model.Provider, experiment.Steps[1].Model.Name));
        Assert.Equal("""{"input":[1,16],"nested":{"1":"x"}}""", experiment.Steps[2].Body!.ToJsonString());
        Assert.Same(model, experiment.Steps[2].Model);
        Assert.Equal(
            new ScoreOptions { Name = "s", Type = "regex", Value = "v", Target = "[0-9]+", Pattern = "A: (.*)", TargetPattern = "B", IgnoreCase = true, Tolerance = 0.5 },
            experiment.Scores[0]);
        Assert.Equal("42", experiment.Scores[1].Target);
        Assert.Equal((20.0, 10.0, true), (experiment.BudgetUsd, experiment.MemoryRequiredGb, experiment.MemoryIsEnforced));
        Assert.Equal(new LiveOptions { Concurrency = 8, MaxAttempts = 2, TimeoutSeconds = 1.5, ResendUnknown = 0, StopAfter = 5, UnreachableSeconds = 30 }, experiment.Live);
        Assert.Equal(new BatchOptions { MaxRequests = 1000, MaxBytes = 5_000_000_000, MaxAttempts = 4 }, experiment.Batch);
    }

    [Fact]
    public void Everything_else_has_the_defaults_of_the_records()
    {
        Experiment experiment = _folder.Load(ConfigFolder.Minimal);

        Assert.Equal((true, 1, null, 1.0, false), (experiment.BatchMode, experiment.Epochs, experiment.BudgetUsd, experiment.MemoryRequiredGb, experiment.MemoryIsEnforced));
        Assert.Equal(new DatasetOptions { Path = Path.Join(_folder.Path, "data.jsonl") }, experiment.Dataset);
        Assert.Equal(new LiveOptions(), experiment.Live);
        Assert.Equal(new BatchOptions(), experiment.Batch);
        Assert.Empty(experiment.Scores);
        StepOptions step = Assert.Single(experiment.Steps);
        Assert.Equal(("answer", null, "{{ sample.q }}"), (step.Name, step.System, step.User));
        Assert.Empty(step.Model.Params);
    }

    [Fact]
    public void Null_counts_as_absent()
    {
        Experiment experiment = _folder.Load(ConfigFolder.Minimal + "budget:\nscores: null\nlive: { concurrency: ~ }\nsystem:\n");
        Assert.Equal((null, 32, null), (experiment.BudgetUsd, experiment.Live.Concurrency, experiment.Steps[0].System));
    }

    [Fact]
    public void The_composed_config_reads_well_and_loads_as_the_same_experiment_from_anywhere()
    {
        _folder.Write("sub/a.yaml", """
            name: ${model.name}-${v.x}
            dataset: { path: ../data.jsonl, limit: "${v.x}" }
            model: { provider: openai, name: gpt }
            v: { x: 3 }
            user: |
              Cost: \${x}?
              {{ sample.q }}
            scores: []
            """);
        Experiment first = ConfigLoader.LoadFile("sub/a.yaml", ["epochs=1_0"], _folder.Context);

        Assert.Equal(
            $$"""
            name: gpt-3
            dataset:
              path: {{Path.Join(_folder.Path, "data.jsonl")}}
              limit: 3
            model:
              provider: openai
              name: gpt
            user: |
              Cost: \${x}?
              {{"{{ sample.q }}"}}
            scores: []
            epochs: 10

            """,
            first.ComposedYaml);

        _folder.Write("elsewhere/config.yaml", first.ComposedYaml);
        ConfigContext elsewhere = _folder.Context with { CurrentDirectory = Path.Join(_folder.Path, "elsewhere") };
        Experiment second = ConfigLoader.LoadFile("config.yaml", [], elsewhere);
        Assert.Equal(first.ComposedYaml, second.ComposedYaml);
        Assert.Equal("Cost: ${x}?\n{{ sample.q }}\n", second.Steps[0].User);
        Assert.Equal((10, 3L, first.Dataset.Path), (second.Epochs, second.Dataset.Limit, second.Dataset.Path));
    }

    [Fact]
    public void Everything_can_be_replayed_too()
    {
        Experiment first = _folder.Load(Everything);
        Assert.Equal(first.ComposedYaml, _folder.Load(first.ComposedYaml).ComposedYaml);
    }

    [Fact]
    public void Every_known_field_is_read_by_the_binder()
    {
        // A field that the list knows and nothing binds would be accepted and ignored: give each a value that cannot be right.
        foreach (string path in ExperimentFields.Experiment.Paths())
        {
            string key = path.Replace("#", "0", StringComparison.Ordinal);
            string wrong = path.EndsWith("params", StringComparison.Ordinal) || path.EndsWith("body", StringComparison.Ordinal) ? "[]" : "{}";
            string yaml = path is "system" or "user" or "messages" or "body" ? ConfigFolder.Minimal : Everything;
            string mistakes = string.Join('\n', _folder.Mistakes(yaml, $"++{key}=", $"++{key}={wrong}"));
            Assert.Contains($"command line: {key}: ", mistakes, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_documentation_names_every_field()
    {
        string page = File.ReadAllText(Path.Join(Root(), "docs", "configuration.md"));
        Assert.All(
            ExperimentFields.Experiment.Paths().Select(static path => path.Replace(".#", "[]", StringComparison.Ordinal)).Where(static path => !path.StartsWith("steps[].model.", StringComparison.Ordinal)),
            path => Assert.Contains($"| `{path}` |", page, StringComparison.Ordinal));
    }

    [Fact]
    public void The_example_of_the_documentation_loads()
    {
        string page = File.ReadAllText(Path.Join(Root(), "docs", "configuration.md"));
        int start = page.IndexOf("```yaml\n", StringComparison.Ordinal) + 8;
        _folder.Write("data/gsm8k.jsonl", "{}");

        Experiment experiment = _folder.Load(page[start..page.IndexOf("```", start, StringComparison.Ordinal)]);

        Assert.Equal(["answer", "judge"], experiment.Steps.Select(static step => step.Name));
    }

    public void Dispose() => _folder.Dispose();

    private static string Root()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Join(folder, "Sluice.slnx")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
