using System.Diagnostics;
using Sluice.Configuration;
using Sluice.Experiments;

namespace Sluice.Tests.Configuration.Composition;

/// <summary>What users of Hydra do with their folders, and what they are told when it is wrong.</summary>
public sealed class HydraUseTests : IDisposable
{
    private const string Primary = """
        defaults:
          - model: gpt
          - _self_
        trainer: { max_epochs: 1 }
        sluice:
          name: f
          system: Answer.
          dataset: { path: ../data.jsonl }
          model: { provider: openai, name: "${model.id}" }
          user: hi

        """;

    private readonly ConfigFolder _folder = new();
    private readonly List<string> _remarks = [];

    public HydraUseTests()
    {
        _folder.Write("conf/config.yaml", Primary);
        _folder.Write("conf/model/gpt.yaml", "id: gpt\n");
        _folder.Write("conf/model/claude.yaml", "id: claude\n");
    }

    [Theory]
    [InlineData("budget.usd=0.0001", "did you mean \"sluice.budget.usd\"?")]
    [InlineData("epochs=2", "did you mean \"sluice.epochs\"?")]
    [InlineData("name=foo", "did you mean \"sluice.name\"?")]
    [InlineData("batch_mode=false", "did you mean \"sluice.batch_mode\"?")]
    [InlineData("model.params.temperature=1", "did you mean \"sluice.model.params.temperature\"?")]
    [InlineData("dataset={limit: 3}", "did you mean \"sluice.dataset\"?")]
    public void In_a_foreign_config_only_what_stands_below_sluice_needs_no_plus(string word, string hint)
    {
        string error = Error(word);
        Assert.Contains($"Could not override '{word.Split('=')[0]}'", error, StringComparison.Ordinal);
        Assert.Contains(hint, error, StringComparison.Ordinal);
        Assert.Equal(0.0001, Load("sluice.budget.usd=0.0001", "+epochs=2").Single().BudgetUsd);
    }

    [Fact]
    public void An_experiment_that_only_the_command_line_gives_is_below_sluice_too()
    {
        _folder.Write("conf/config.yaml", "mine: 1\n");
        string[] experiment = ["sluice.name=n", "sluice.dataset=data.jsonl", "sluice.model={provider:openai,name:m}", "sluice.user=hi"];

        Assert.Equal("n", Load(experiment).Single().Name);
        Assert.Contains("did you mean \"sluice.epochs\"?", Error(["epochs=2", .. experiment]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sluice: 5", "sluice: expected a mapping, found 5")]
    [InlineData("sluice: { resolvers: 5 }", "sluice.resolvers: expected a mapping, found 5")]
    public void What_stands_in_the_place_of_the_experiment_is_a_mistake(string yaml, string expected) =>
        Assert.Contains(_folder.Mistakes(ConfigFolder.Minimal + yaml), line => line.Contains(expected, StringComparison.Ordinal));

    [Fact]
    public void A_value_that_is_still_to_be_given_is_one_mistake() =>
        Assert.StartsWith("1 mistake on the command line\ncommand line: sluice.name: Missing mandatory value: sluice.name", Error("sluice.name=???"), StringComparison.Ordinal);

    [Theory]
    [InlineData("base: { provider: openai, name: x }\nmodel: ${base}", "model.name=y")]
    [InlineData("base: { provider: openai, name: x }\nmodel: ${base}", "model={provider: openai, name: y}")]
    [InlineData("base: { m: { provider: openai, name: x } }\nmodel: ${oc.select:base.m}", "model.name=y")]
    [InlineData("base: y\nmodel: { provider: openai, name: '${..base}' }", "model.name=y")]
    [InlineData("base: y\nmodel: { provider: openai, name: 'a-${oc.select:base,b}' }", "model.name=y")]
    public void What_only_a_changed_value_referred_to_stays_a_variable(string yaml, string change)
    {
        string config = ConfigFolder.Minimal.Replace("model: { provider: openai, name: gpt }", yaml, StringComparison.Ordinal);

        Assert.Equal("y", _folder.Load(config, change).Steps[0].Model.Name);
        Assert.Contains("mine: unknown key", string.Join('\n', _folder.Mistakes(config + "mine: 1\n", change)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("conf/")]
    [InlineData("conf//")]
    [InlineData("./conf/")]
    public void A_folder_may_end_with_a_slash(string folder)
    {
        Assert.Equal("claude", Load(new ConfigRequest { ConfigPath = folder, Overrides = ["model=claude"] }).Single().Steps[0].Model.Name);
        Assert.Equal("claude", Load(new ConfigRequest { ConfigDirectory = folder, Overrides = ["model=claude"] }).Single().Steps[0].Model.Name);
    }

    [Fact]
    public void A_further_folder_adds_to_the_usual_one()
    {
        _folder.Write("extra/model/pro.yaml", "id: pro\n");
        _folder.Write("extra/second.yaml", Primary);
        _folder.Write("alone/config.yaml", Primary.Replace("  - model: gpt\n", "", StringComparison.Ordinal) + "model: { id: own }\n");

        Assert.Equal("pro", Load(new ConfigRequest { ConfigDirectory = "extra", Overrides = ["model=pro"] }).Single().Steps[0].Model.Name);
        Experiment second = Load(new ConfigRequest { ConfigDirectory = "extra", ConfigName = "second.yaml" }).Single();
        Assert.Equal(("gpt", "extra/second.yaml"), (second.Steps[0].Model.Name, second.Source));
        Directory.Delete(Path.Join(_folder.Path, "conf"), recursive: true);
        Assert.Equal("own", Load(new ConfigRequest { ConfigDirectory = "alone" }).Single().Steps[0].Model.Name);
        _folder.Write("conf/config.yaml", Primary);
    }

    [Fact]
    public void A_bad_choice_is_reported_where_it_was_made()
    {
        _folder.Write("conf/config.yaml", "defaults:\n  - model: gpt\n  - outer: null\n  - _self_\n");
        _folder.Write("conf/experiment/typo.yaml", "# @package _global_\ndefaults:\n  - override /model: cluade\n");
        _folder.Write("conf/outer/o.yaml", "# @package _global_\ndefaults:\n  - /experiment@_here_: typo\n");

        Assert.StartsWith("conf/experiment/typo.yaml:3:5: In 'config': Could not find 'model/cluade'", Error("+experiment=typo").Split('\n')[1], StringComparison.Ordinal);
        Assert.EndsWith("did you mean \"claude\"? (reached by config -> outer/o -> experiment/typo)", Error("outer=o"), StringComparison.Ordinal);
        Assert.StartsWith("command line: In 'config': Could not find 'model/gptt'", Error("model=gptt").Split('\n')[1], StringComparison.Ordinal);
        Assert.StartsWith("command line: In 'config': Could not load 'model/gptt'", Error("model=[gpt,gptt]").Split('\n')[1], StringComparison.Ordinal);

        _folder.Write("conf/config.yaml", "defaults:\n  - model: gpt\n  - override hydra/sweeper: optuna\n");
        Assert.StartsWith("conf/config.yaml:3:5: In 'hydra/config': Could not find 'hydra/sweeper/optuna'", Error().Split('\n')[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("  - override model: claude", "write `override /model: claude`")]
    [InlineData("  - optional model", "`optional` goes with a group and its option: `- optional model: OPTION`")]
    public void Frequent_slips_in_defaults_lists_are_explained(string item, string hint)
    {
        _folder.Write("conf/experiment/e.yaml", $"# @package _global_\ndefaults:\n{item}\n");
        Assert.Contains(hint, Error("+experiment=e"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_an_override_gets_wrong_is_named()
    {
        Assert.Contains("Key 'foo' is not in struct\n        full_key: trainer.foo", Error("trainer={max_epochs:1,foo:2}"), StringComparison.Ordinal);

        _folder.Write("conf/eval/judge/strict.yaml", "x: 1\n");
        _folder.Write("conf/config.yaml", Primary.Replace("  - _self_", "  - eval/judge: strict\n  - _self_", StringComparison.Ordinal));
        Assert.Contains("did you mean \"eval/judge\"?", Error("judge=lax"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_launcher_that_is_not_there_takes_any_setting()
    {
        Load("hydra/launcher=joblib", "hydra.launcher.n_jobs=4", "hydra.launcher.more.verbose=1");

        Assert.Equal(["the launcher `joblib` and its n_jobs=4 is not needed: all experiments run at once in this one process"], _remarks);
        Assert.Contains("Could not override 'hydra.launcher.n_jobs'", Error("hydra.launcher.n_jobs=4"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sluice.system='Answer?','Answer!'")]
    [InlineData("+seed=A,a")]
    [InlineData("+seed='a b','a/b'")]
    [InlineData("sluice.system='один','два'")]
    public void Jobs_whose_names_would_look_the_same_are_told_apart(string sweep)
    {
        string[] names = [.. Run(sweep).Select(e => e.Name)];

        Assert.Equal(2, names.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(names, name => Assert.Matches("^[A-Za-z0-9._=,@+-]{1,100}$", name));
        Assert.Equal(names, Run(sweep).Select(e => e.Name));
        Assert.All(Run(sweep), e => Assert.Contains(e.Name, e.ComposedYaml, StringComparison.Ordinal));
    }

    [Fact]
    public void Jobs_that_are_the_same_are_named()
    {
        string error = Mistake(new ConfigRequest { Overrides = ["+seed=1,1"], Multirun = true });
        Assert.Contains("for +seed=1 is also the name in conf/config.yaml:6:9 for +seed=1; each job needs values or a name of its own", error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_jobs_environment_is_what_hydra_sets_for_it()
    {
        _folder.Variables["BASE"] = "b";
        _folder.Variables["MINE"] = "outside";
        _folder.Write("conf/config.yaml", Primary.Replace("system: Answer.", "system: \"${oc.env:MINE} ${oc.env:OTHER,unset} ${oc.env:BASE}\"", StringComparison.Ordinal)
            + "hydra: { job: { env_set: { MINE: \"${oc.env:BASE}-1\", OTHER: 2, SECRET_KEY: s3cret, COPY: \"${oc.env:SECRET_KEY}\" } } }\n");

        Assert.Equal("b-1 2 b", Load().Single().Steps[0].System);
        Assert.Contains("system: b-1 2 b\n", Show(ConfigView.ResolvedJob), StringComparison.Ordinal);
        Assert.Contains("looks like a secret", Error("sluice.system=${oc.env:SECRET_KEY}"), StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", Error("sluice.system=${oc.env:COPY}"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_mistake_of_some_jobs_names_them()
    {
        _folder.Write("conf/model/base.yaml", "id: ???\n");

        string error = Mistake(new ConfigRequest { Overrides = ["model=gpt,base", "+seed=1,2"], Multirun = true });
        Assert.Contains("it is ??? in conf/model/base.yaml:1:5 (in job model=base +seed=1 and 1 more)", error, StringComparison.Ordinal);
        error = Mistake(new ConfigRequest { Overrides = ["model=gpt,nope,claude"], Multirun = true });
        Assert.EndsWith("(in job model=nope)", error, StringComparison.Ordinal);
        error = Mistake(new ConfigRequest { Overrides = ["sluice.dataset.limit=range(-200,0)"], Multirun = true });
        Assert.Equal((7, "command line: sluice.dataset.limit: and 195 more of the same value"), (error.Split('\n').Length, error.Split('\n')[^1]));
        error = Mistake(new ConfigRequest { Overrides = ["model=gpt,claude", "sluice.epochs=0"], Multirun = true });
        Assert.DoesNotContain("in job", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Composing_stops_when_asked_to()
    {
        using var stop = new CancellationTokenSource();
        int jobs = 0;
        ConfigContext context = _folder.Context with
        {
            Cancellation = stop.Token,
            Environment = _ =>
            {
                if (++jobs == 3)
                {
                    stop.Cancel();
                }

                return "x";
            },
        };
        var request = new ConfigRequest { Overrides = ["sluice.system=${oc.env:X}", "+seed=range(50000)"], Multirun = true };

        Assert.Throws<OperationCanceledException>(() => ConfigLoader.Load(request, context));
        Assert.InRange(jobs, 3, 10);
        Assert.Throws<OperationCanceledException>(() => ConfigLoader.Show(request, ConfigView.Job, asJson: false, context));
    }

    [Fact]
    public void Hydras_warnings_are_given_where_they_matter()
    {
        _folder.Write("conf/config.yaml", Primary.Replace("  - _self_\n", "", StringComparison.Ordinal));
        Load();
        Assert.Empty(_remarks);

        _folder.Write("conf/config.yaml", Primary.Replace("  - _self_\n", "", StringComparison.Ordinal) + "model: { id: mine }\nhydra: { searchpath: [file://gone] }\nold: ${oc.deprecated:model.id}\nuses: ${old}\n");
        Load("+sluice.resolvers.x=${old}", "sluice.system=${old}");
        Assert.Contains("the folder file://" + Path.Join(_folder.Path, "gone") + " of hydra.searchpath does not exist", _remarks);
        Assert.Contains(_remarks, remark => remark.StartsWith("In 'config': Defaults list is missing `_self_`", StringComparison.Ordinal));
        Assert.Single(_remarks, remark => remark.Contains("'old' is deprecated", StringComparison.Ordinal));
    }

    [Fact]
    public void Only_regular_files_are_read()
    {
        using (Process make = Process.Start("mkfifo", Path.Join(_folder.Path, "conf/model/pipe.yaml")))
        {
            make.WaitForExit();
        }

        _folder.Write("conf/model/empty.yaml", "");
        Assert.Contains("conf/model/pipe.yaml:1:1: is no regular file", Error("model=pipe"), StringComparison.Ordinal);
        Assert.Contains("'model.id' not found", Error("model=empty"), StringComparison.Ordinal);
    }

    [Fact]
    public void Hydras_settings_are_shown_resolved()
    {
        Assert.Contains("app_name: ${hydra.job.name}", Show(ConfigView.Hydra).Replace("\"", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("app_name: config", Show(ConfigView.ResolvedHydra), StringComparison.Ordinal);
        string all = Show(ConfigView.ResolvedAll);
        Assert.Contains("    name: gpt\n", all, StringComparison.Ordinal);
        Assert.Contains("app_name: config", all, StringComparison.Ordinal);
    }

    [Fact]
    public void The_overrides_are_written_down_without_what_may_be_secret()
    {
        Assert.Equal(["+seed=1", "model=claude"], Load("+seed=1", "model=claude", "hydra.run.dir=x").Single().Overrides);
        Assert.Equal(["+my_token=***"], Load("+my_token=s3cret").Single().Overrides);
    }

    [Fact]
    public void A_number_in_a_field_of_text_is_saved_as_it_was_written()
    {
        Experiment experiment = Load("sluice.system=1.50", "sluice.name=017", "+sluice.model.params.temperature=1e-3").Single();
        _folder.Write("again.yaml", experiment.ComposedYaml);

        Assert.Contains("temperature: 0.001\n", experiment.ComposedYaml, StringComparison.Ordinal);
        Experiment again = ConfigLoader.LoadFile("again.yaml", [], _folder.Context);
        Assert.Equal((experiment.Name, experiment.Steps[0].System, experiment.ComposedYaml), (again.Name, again.Steps[0].System, again.ComposedYaml));
    }

    [Theory]
    [InlineData("+sluice.resolvers.my.res=v")]
    [InlineData("+sluice.resolvers={my.res: v}")]
    public void A_resolver_whose_name_has_dots_is_given_its_value_either_way(string word) =>
        Assert.Equal("v", Load("sluice.system=${my.res:abc}", word).Single().Steps[0].System);

    [Fact]
    public void A_choice_that_Hydra_has_already_is_wrong_where_it_is_made_again()
    {
        _folder.Write("conf/config.yaml", Primary.Replace("  - model: gpt\n", "  - model: gpt\n  - hydra/launcher: submitit_slurm\n", StringComparison.Ordinal));
        Assert.Contains("conf/config.yaml:3:5: Multiple values for hydra/launcher", Error(), StringComparison.Ordinal);

        _folder.Write("conf/config.yaml", Primary);
        string added = Error("+model=claude");
        Assert.Contains("command line: Multiple values for model", added, StringComparison.Ordinal);
        Assert.Contains("the choice is there already, in conf/config.yaml:2:5: model=... without the + changes it", added, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("usr: 1,2", "Could not override 'usr'")]
    [InlineData("sluice.user: interval(0,1)", "BasicSweeper")]
    [InlineData("sluice.user: 'a#b,c'", "sluice.user=a#b,c")]
    public void What_is_wrong_with_a_sweep_in_a_file_is_wrong_there(string parameter, string message)
    {
        _folder.Write("conf/config.yaml", Primary + "hydra:\n  sweeper:\n    params:\n      " + parameter + "\n");

        string error = Mistake(new ConfigRequest { Multirun = true });

        Assert.Contains("conf/config.yaml:14:", error, StringComparison.Ordinal);
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mode: FOO", "Invalid value 'FOO', expected one of [RUN, MULTIRUN]")]
    [InlineData("searchpath: foo", "hydra.searchpath must be a list of strings. Got: foo")]
    [InlineData("sweeper: { params: 5 }", "expected a mapping of keys to values, found 5")]
    [InlineData("sweeper: { max_batch_size: abc }", "Value 'abc' of type 'str' could not be converted to Integer")]
    [InlineData("sweep: { dir: [1] }", "expected text, found a list")]
    [InlineData("run: 5", "expected a mapping, found 5")]
    public void A_setting_of_Hydra_of_the_wrong_type_is_an_error_in_a_file_and_on_the_command_line(string setting, string message)
    {
        _folder.Write("conf/config.yaml", Primary + $"hydra: {{ {setting} }}\n");
        string inFile = Error();
        Assert.Contains("conf/config.yaml:11:", inFile, StringComparison.Ordinal);
        Assert.Contains(message, inFile, StringComparison.Ordinal);

        _folder.Write("conf/config.yaml", Primary);
        string[] words = setting.Split(": ", 2);
        Assert.Contains(message, Error($"++hydra.{words[0]}={words[1].Replace("{ ", "{", StringComparison.Ordinal).Replace(" }", "}", StringComparison.Ordinal)}"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_misspelt_group_is_told_from_a_missing_option()
    {
        _folder.Write("conf/config.yaml", Primary.Replace("model: gpt", "modl: gpt", StringComparison.Ordinal));

        Assert.Contains("did you mean the group \"model\"?", Error(), StringComparison.Ordinal);
    }

    [Fact]
    public void One_mistake_in_very_many_jobs_does_not_fill_the_screen()
    {
        string error = Mistake(new ConfigRequest { Overrides = ["nope=range(1000)"], Multirun = true });

        Assert.InRange(error.Split('\n').Length, 100, 1000);
        Assert.Matches(@"and \d+ more\z", error);
    }

    [Fact]
    public void A_secret_variable_is_shown_by_its_name()
    {
        _folder.Write("conf/config.yaml", Primary + "key: ${oc.env:OPENAI_API_KEY}\n");

        Assert.Contains("key: \"${oc.env:OPENAI_API_KEY}\"", Show(ConfigView.ResolvedJob), StringComparison.Ordinal);
        Assert.Single(Load());
    }

    [Fact]
    public void A_composed_config_is_printed_as_JSON_too()
    {
        _folder.Write("conf/config.yaml", Primary + "n: [1, 0x10, 1.5, 1e300, .inf, true, null, 'ä']\n");

        string json = Assert.Single(ConfigLoader.Show(new ConfigRequest(), ConfigView.ResolvedJob, asJson: true, _folder.Context));

        Assert.DoesNotContain('\n', json);
        using var document = System.Text.Json.JsonDocument.Parse(json);
        Assert.Equal("gpt", document.RootElement.GetProperty("sluice").GetProperty("model").GetProperty("name").GetString());
        Assert.Equal("""[1,16,1.5,1e+300,"inf",true,null,"ä"]""", document.RootElement.GetProperty("n").GetRawText());
    }

    public void Dispose() => _folder.Dispose();

    private IReadOnlyList<Experiment> Load(params string[] overrides) => Load(new ConfigRequest { Overrides = overrides });

    private IReadOnlyList<Experiment> Run(params string[] overrides) => Load(new ConfigRequest { Overrides = overrides, Multirun = true });

    private IReadOnlyList<Experiment> Load(ConfigRequest request) => ConfigLoader.Load(request, _folder.Context with { Remark = _remarks.Add });

    private string Show(ConfigView view) => Assert.Single(ConfigLoader.Show(new ConfigRequest(), view, asJson: false, _folder.Context));

    private string Error(params string[] overrides) => Mistake(new ConfigRequest { Overrides = overrides });

    private string Mistake(ConfigRequest request) => Assert.Throws<SluiceException>(() => ConfigLoader.Load(request, _folder.Context)).Message;
}
