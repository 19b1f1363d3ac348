using Sluice.Configuration;
using Sluice.Experiments;

namespace Sluice.Tests.Configuration.Composition;

/// <summary>Experiments out of Hydra's config folders, beyond what the recorded cases tell.</summary>
public sealed class HydraLoadingTests : IDisposable
{
    private const string Primary = """
        defaults:
          - model: small
          - prompt: plain
          - _self_
        name: n
        dataset: ../data.jsonl
        user: ${prompt.user}

        """;

    private readonly ConfigFolder _folder = new();
    private readonly List<string> _remarks = [];

    public HydraLoadingTests()
    {
        _folder.Write("conf/config.yaml", Primary);
        _folder.Write("conf/model/small.yaml", "provider: openai\nname: small\nparams: { temperature: 0 }\n");
        _folder.Write("conf/model/large.yaml", "defaults: [small]\nname: large\n");
        _folder.Write("conf/prompt/plain.yaml", "user: Why?\n");
        _folder.Write("conf/prompt/steps.yaml", "user: Why? Step by step.\n");
    }

    [Fact]
    public void The_usual_config_is_found_and_a_multirun_gives_each_job_a_name_of_its_own()
    {
        IReadOnlyList<Experiment> experiments = Load(multirun: true, "model=small,large", "prompt=glob(*)", "epochs=2");

        Assert.Equal(["n,model=small,prompt=plain", "n,model=small,prompt=steps", "n,model=large,prompt=plain", "n,model=large,prompt=steps"], experiments.Select(e => e.Name));
        Assert.Equal(["small", "small", "large", "large"], experiments.Select(e => e.Steps[0].Model.Name));
        Assert.Equal(["Why?", "Why? Step by step.", "Why?", "Why? Step by step."], experiments.Select(e => e.Steps[0].User));
        Assert.All(experiments, e => Assert.Equal(2, e.Epochs));
        Assert.All(experiments, e => Assert.StartsWith($"model:\n  provider: openai\n  name: {e.Steps[0].Model.Name}\n", e.ComposedYaml, StringComparison.Ordinal));
        Assert.All(experiments, e => Assert.Contains($"name: {e.Name}\n", e.ComposedYaml, StringComparison.Ordinal));
    }

    [Fact]
    public void Names_that_differ_already_are_left_as_they_are_and_a_subdir_of_the_users_is_added_otherwise()
    {
        Assert.Equal(["small", "large"], Load(multirun: true, "model=small,large", "name=${model.name}").Select(e => e.Name));
        Assert.Equal(["n,m-small", "n,m-large"], Load(multirun: true, "model=small,large", "hydra.sweep.subdir=m/${model.name}").Select(e => e.Name));
        Assert.Equal(["n"], Load(multirun: true, "model=large").Select(e => e.Name));
        string[] long_ = [.. Load(multirun: true, $"+note={new string('a', 200)},{new string('b', 200)}").Select(e => e.Name)];
        Assert.All(long_, name => Assert.Equal(100, name.Length));
        Assert.Equal(2, long_.Distinct().Count());
    }

    [Fact]
    public void Files_by_path_are_primary_configs_of_their_folders_and_overrides_reach_all()
    {
        _folder.Write("conf/other.yaml", Primary.Replace("name: n", "name: other", StringComparison.Ordinal));

        IReadOnlyList<Experiment> experiments = ConfigLoader.Load(["conf"], ["model=large"], _folder.Context);

        Assert.Equal([("n", "large"), ("other", "large")], experiments.Select(e => (e.Name, e.Steps[0].Model.Name)));
    }

    [Fact]
    public void An_experiment_inside_a_foreign_config_leaves_its_keys_alone()
    {
        _folder.Write("f.yaml", """
            trainer: { lr: 1e-3, out: "${hydra:runtime.output_dir}", secret: "${oc.env:API_KEY}", odd: "${sanitize:x}" }
            data: { path: data.jsonl }
            sluice:
              name: f-${now:%Y}
              resolvers: { id: 42 }
              dataset: { path: "${data.path}", limit: "${id:}" }
              model: { provider: openai, name: gpt }
              user: hi
            """);

        Experiment experiment = ConfigLoader.Load(["f.yaml"], ["sluice.epochs=3"], _folder.Context).Single();

        Assert.Equal((3, 42L, Path.Join(_folder.Path, "data.jsonl")), (experiment.Epochs, experiment.Dataset.Limit, experiment.Dataset.Path));
        Assert.DoesNotContain("trainer", experiment.ComposedYaml, StringComparison.Ordinal);
        Assert.Contains("sluice.dataset.lmit: unknown key; did you mean \"limit\"?", _folder.Error(["f.yaml"], "+sluice.dataset.lmit=1"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_resolver_of_python_code_is_named_with_what_to_do()
    {
        string error = _folder.Error(["conf/config.yaml"], "user=\"${sanitize:x}\"");

        Assert.Contains("user: Unsupported interpolation type sanitize", error, StringComparison.Ordinal);
        Assert.Contains("+sluice.resolvers.sanitize=value", error, StringComparison.Ordinal);
        Assert.Equal("X", ConfigLoader.Load(["conf/config.yaml"], ["user=\"${sanitize:x}\"", "+sluice.resolvers.sanitize=X"], _folder.Context)[0].Steps[0].User);
    }

    [Fact]
    public void A_missing_option_is_reported_with_its_place_the_way_there_and_the_nearest_one()
    {
        _folder.Write("conf/exp/e.yaml", "# @package _global_\ndefaults:\n  - override /model: smal\n");

        string[] lines = _folder.Error(["conf/config.yaml"], "+exp=e").Split('\n');

        Assert.StartsWith("conf/exp/e.yaml:3:5: In 'config': Could not find 'model/smal'", lines[1], StringComparison.Ordinal);
        Assert.Contains("did you mean \"small\"? (reached by config -> exp/e)", lines[^1], StringComparison.Ordinal);

        _folder.Write("conf/exp/e.yaml", "# @package _global_\ndefaults:\n  - /model@judge: lage\n");
        lines = _folder.Error(["conf/config.yaml"], "+exp=e").Split('\n');
        Assert.StartsWith("conf/exp/e.yaml:3:5: In 'exp/e': Could not find 'model/lage'", lines[1], StringComparison.Ordinal);
        Assert.Contains("did you mean \"large\"? (reached by config -> exp/e)", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_of_groups_and_added_ones_are_the_users_own_and_others_are_mistakes()
    {
        Assert.Equal("Hi", Load(multirun: false, "user=Hi", "+seed=1", "++note.more=x").Single().Steps[0].User);

        _folder.Write("conf/exp/e.yaml", "# @package _global_\nepoch: 3\n");
        Assert.Contains("conf/exp/e.yaml:2:1: epoch: unknown key; did you mean \"epochs\"?", Error("+exp=e"), StringComparison.Ordinal);
    }

    [Fact]
    public void Launchers_are_not_needed_and_sweepers_that_choose_are_refused()
    {
        Load(multirun: true, "hydra/launcher=joblib", "+hydra.launcher.n_jobs=16", "hydra/job_logging=colorlog", "model=small,large");
        Assert.Equal(["the launcher `joblib` and its n_jobs=16 is not needed: all experiments run at once in this one process"], _remarks);

        Assert.Contains("Python plug-in of Hydra", Error("hydra/sweeper=optuna"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_multirun_of_no_jobs_or_of_too_many_is_a_mistake()
    {
        Assert.Contains("no jobs", Mistake(new ConfigRequest { Multirun = true, Overrides = ["epochs=range(3,3)"] }), StringComparison.Ordinal);
        Assert.Contains("1,000,000,000,000 jobs", Mistake(new ConfigRequest { Multirun = true, Overrides = ["epochs=range(1000000)", "+a=range(1000000)"] }), StringComparison.Ordinal);
    }

    [Fact]
    public void What_must_be_given_and_is_not_is_a_mistake()
    {
        Assert.Contains("Missing mandatory value: user", Error("user=???"), StringComparison.Ordinal);
        Assert.Contains("Ambiguous value for argument 'model=small,large'", Error("model=small,large"), StringComparison.Ordinal);
        Assert.Contains("--multirun", Error("model=small,large"), StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_are_named_by_flags_and_missing_ones_are_mistakes()
    {
        _folder.Write("more/model/tiny.yaml", "provider: openai\nname: tiny\n");

        Assert.Equal("tiny", ConfigLoader.Load(new ConfigRequest { ConfigPath = "conf", ConfigDirectory = "more", Overrides = ["model=tiny"] }, _folder.Context)[0].Steps[0].Model.Name);
        Assert.Equal("small", ConfigLoader.Load(new ConfigRequest { ConfigDirectory = "conf" }, _folder.Context)[0].Steps[0].Model.Name);
        Assert.Contains("Cannot find primary config 'confg'", Mistake(new ConfigRequest { ConfigPath = "conf", ConfigName = "confg" }), StringComparison.Ordinal);
        Assert.Contains("did you mean \"config\"?", Mistake(new ConfigRequest { ConfigPath = "conf", ConfigName = "confg" }), StringComparison.Ordinal);
        Assert.Contains("Primary config directory not found", Mistake(new ConfigRequest { ConfigPath = "cnf" }), StringComparison.Ordinal);
        Assert.Contains("Additional config directory", Mistake(new ConfigRequest { ConfigPath = "conf", ConfigDirectory = "mroe" }), StringComparison.Ordinal);
        Assert.Contains("both config files and", Mistake(new ConfigRequest { Patterns = ["conf"], ConfigName = "x" }), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_outside_of_the_config_folder_is_read()
    {
        _folder.Write("secret.yaml", "name: secret\n");
        _folder.Write("conf/config.yaml", Primary.Replace("  - _self_", "  - ../secret", StringComparison.Ordinal));

        Assert.Contains("Could not load '../secret'", Error(), StringComparison.Ordinal);
    }

    [Fact]
    public void Configs_that_include_each_other_end_with_a_message()
    {
        _folder.Write("conf/a.yaml", "defaults: [b]\n");
        _folder.Write("conf/b.yaml", "defaults: [a]\n");

        Assert.Contains("the defaults lists go round in a circle: a -> b -> a", _folder.Error(["conf/a.yaml"]), StringComparison.Ordinal);
    }

    [Fact]
    public void The_parts_of_a_config_are_printed_as_they_are_composed()
    {
        var request = new ConfigRequest { ConfigPath = "conf", Overrides = ["model=large"] };

        Assert.StartsWith("model:\n  provider: openai\n  name: large\n", Show(ConfigView.Job), StringComparison.Ordinal);
        Assert.Contains("user: \"${prompt.user}\"", Show(ConfigView.Job), StringComparison.Ordinal);
        Assert.DoesNotContain("${", Show(ConfigView.ResolvedJob), StringComparison.Ordinal);
        Assert.Contains("override_dirname: model=large", Show(ConfigView.Hydra), StringComparison.Ordinal);
        Assert.EndsWith("model/small -> model\nmodel/large -> model\nprompt/plain -> prompt\nconfig -> (root)", Show(ConfigView.Defaults), StringComparison.Ordinal);
        Assert.Contains("provider=main, path=file://", Show(ConfigView.SearchPath), StringComparison.Ordinal);

        string Show(ConfigView view) => Assert.Single(ConfigLoader.Show(request, view, asJson: false, _folder.Context));
    }

    public void Dispose() => _folder.Dispose();

    private IReadOnlyList<Experiment> Load(bool multirun, params string[] overrides) =>
        ConfigLoader.Load(new ConfigRequest { Overrides = overrides, Multirun = multirun }, _folder.Context with { Remark = _remarks.Add });

    private string Error(params string[] overrides) => Mistake(new ConfigRequest { Overrides = overrides });

    private string Mistake(ConfigRequest request) => Assert.Throws<SluiceException>(() => ConfigLoader.Load(request, _folder.Context)).Message;
}
