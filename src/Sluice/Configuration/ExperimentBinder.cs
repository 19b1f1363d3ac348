using System.Text.RegularExpressions;
using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>Binds a composed config to an <see cref="Experiment"/> and checks every value.</summary>
internal sealed partial class ExperimentBinder(ConfigContext context, MistakeList mistakes)
{
    /// <summary>What lies beside the experiments' folders in a sweep.</summary>
    private const string ManifestFile = "manifest.json";

    private static readonly LiveOptions LiveDefaults = new();
    private static readonly BatchOptions BatchDefaults = new();

    /// <summary>Gives the experiment, which is complete only when no mistakes were added.</summary>
    /// <param name="root">The experiment's fields.</param>
    /// <param name="path">Where they stand in the composed config: empty for the top.</param>
    /// <param name="variables">At the top: the keys that something refers to, the user's own variables unless they are fields. Null when no others are allowed.</param>
    /// <param name="file">The file it came from.</param>
    public Experiment Bind(ConfigMapping root, string path, IReadOnlySet<string>? variables, string file)
    {
        var binder = new MappingBinder(root, path, ExperimentFields.Experiment, mistakes);
        binder.RefuseUnknown(variables);
        string folder = Path.GetDirectoryName(Path.GetFullPath(file, context.CurrentDirectory)) ?? context.CurrentDirectory;
        var models = new ModelBinder(context.Providers, mistakes);
        bool batchMode = binder.Boolean("batch_mode", fallback: true);
        var experiment = new Experiment
        {
            Name = Name(binder),
            Source = file,
            ComposedYaml = "",
            BatchMode = batchMode,
            Epochs = (int)(binder.Integer("epochs", 1, 1000) ?? 1),
            Dataset = new DatasetBinder(context.CurrentDirectory).Bind(binder, folder) ?? new() { Path = "" },
            Steps = new StepBinder(models, mistakes).Bind(binder, models.Bind(binder.Mapping("model", ExperimentFields.Model))),
            Scores = ScoreBinder.Bind(binder),
            Live = Live(binder.Mapping("live", ExperimentFields.Live)),
            Batch = Batch(binder.Mapping("batch", ExperimentFields.Batch)),
            Cache = CacheBinder.Bind(binder, batchMode),
            Rehearsal = new RehearsalBinder(context.CurrentDirectory).Bind(binder, folder),
        };
        return WithBudget(WithMemory(experiment, binder), binder);
    }

    private static string Name(MappingBinder binder)
    {
        string? name = binder.Text("name", required: true);
        if (name is not null && !NameShape.IsMatch(name))
        {
            binder.Mistake("name",
                $"{Say.Quoted(name)} cannot be a folder name: expected 1 to 100 letters, digits and . _ - = , @ +, with no '.' at either end");
        }
        else if (name is not null && ReservedName.IsMatch(name))
        {
            binder.Mistake("name", $"{Say.Quoted(name)} cannot be a folder name: Windows reserves it");
        }

        else if (name is not null && name.Equals(ManifestFile, StringComparison.OrdinalIgnoreCase))
        {
            binder.Mistake("name", $"{Say.Quoted(name)} cannot be a folder name: the sweep's manifest is called so");
        }

        return name ?? "";
    }

    private static Experiment WithBudget(Experiment experiment, MappingBinder binder)
    {
        MappingBinder? budget = binder.Mapping("budget", ExperimentFields.Budget);
        budget?.RefuseUnknown();
        return experiment with { BudgetUsd = budget?.Number("usd", 0, leastExcluded: true) };
    }

    private static Experiment WithMemory(Experiment experiment, MappingBinder binder)
    {
        MappingBinder? memory = binder.Mapping("memory", ExperimentFields.Memory);
        memory?.RefuseUnknown();
        return experiment with
        {
            MemoryRequiredGb = memory?.Number("required_gb") ?? experiment.MemoryRequiredGb,
            MemoryIsEnforced = memory?.Boolean("enforce", fallback: false) ?? false,
        };
    }

    private static LiveOptions Live(MappingBinder? binder)
    {
        binder?.RefuseUnknown();
        return new LiveOptions
        {
            Concurrency = (int)(binder?.Integer("concurrency", 1, 4096) ?? LiveDefaults.Concurrency),
            MaxAttempts = (int)(binder?.Integer("max_attempts", 1, 100) ?? LiveDefaults.MaxAttempts),
            TimeoutSeconds = binder?.Number("timeout_seconds", 0, leastExcluded: true, most: 86_400) ?? LiveDefaults.TimeoutSeconds,
            ResendUnknown = (int)(binder?.Integer("resend_unknown", 0, 100) ?? LiveDefaults.ResendUnknown),
            StopAfter = (int)(binder?.Integer("stop_after", 0, 1_000_000) ?? LiveDefaults.StopAfter),
            UnreachableSeconds = binder?.Number("unreachable_seconds", 0, most: 604_800) ?? LiveDefaults.UnreachableSeconds,
        };
    }

    private static BatchOptions Batch(MappingBinder? binder)
    {
        binder?.RefuseUnknown();
        return new BatchOptions
        {
            MaxRequests = (int?)binder?.Integer("max_requests", 1, int.MaxValue),
            MaxBytes = binder?.Integer("max_bytes", 1, long.MaxValue),
            MaxAttempts = (int)(binder?.Integer("max_attempts", 1, 100) ?? BatchDefaults.MaxAttempts),
            LostAfterSeconds = binder?.Number("lost_after_seconds", least: 1, most: 86_400),
            DeleteFiles = binder?.Boolean("delete_files", fallback: false) ?? false,
        };
    }

    [GeneratedRegex(@"^(?!\.)[A-Za-z0-9._=,@+-]{1,100}(?<!\.)\z", RegexOptions.CultureInvariant)]
    private static partial Regex NameShape { get; }

    [GeneratedRegex(@"^(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\.|\z)", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex ReservedName { get; }
}
