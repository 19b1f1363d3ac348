using Sluice.Configuration.Overrides;

namespace Sluice.Configuration.Composition;

/// <summary>The jobs that one primary config and its overrides stand for: one, or those of a multirun, composed one at a time.</summary>
internal sealed class HydraSweep
{
    private readonly Composer _composer;
    private readonly IReadOnlyList<Override> _hydras;
    private readonly IReadOnlyList<Override> _task;

    private HydraSweep(Composer composer, IReadOnlyList<Override> hydras, IReadOnlyList<Override> task, bool isMultirun, IReadOnlyList<string> remarks) =>
        (_composer, _hydras, _task, IsMultirun, Remarks) = (composer, hydras, task, isMultirun, remarks);

    /// <summary>Gets whether it is a multirun.</summary>
    public bool IsMultirun { get; }

    /// <summary>Gets what users should know, though nothing is wrong.</summary>
    public IReadOnlyList<string> Remarks { get; }

    /// <summary>Gets the keys that have several values.</summary>
    public IReadOnlySet<string> SweptKeys => field ??= _task.Where(static change => change.IsSweep).Select(static change => change.InputKey).ToHashSet(StringComparer.Ordinal);

    /// <summary>Gets how many jobs there are.</summary>
    public long Count => IsMultirun ? SweepExpansion.Count(_task, _composer.Options) : 1;

    /// <summary>Reads a primary config as far as needed to know its jobs.</summary>
    /// <param name="composer">Where configs are.</param>
    /// <param name="overrides">The command line's overrides.</param>
    /// <param name="isMultirun">Whether <c>--multirun</c> is given; <c>hydra.mode</c> may say so too.</param>
    /// <exception cref="ConfigException">It cannot be composed, or a value has several choices in a single run.</exception>
    public static HydraSweep Of(Composer composer, IReadOnlyList<Override> overrides, bool isMultirun)
    {
        if (overrides.FirstOrDefault(static change => change.IsHydra && change.IsSweep) is { } swept)
        {
            throw isMultirun
                ? new ConfigException(ConfigErrorKind.Composition, SourceMark.CommandLine, $"Sweeping over Hydra's configuration is not supported : '{swept.Text}'")
                : Ambiguous(swept);
        }

        Composition master = composer.Compose([.. overrides.Where(static change => !change.IsSweep)], skipMandatory: true);
        string? mode = master.HydraText("mode");
        var remarks = new List<string>([.. composer.Remarks, .. Launcher(master)]);
        if (master.LacksSelf && composer.DependsOnSelf(master))
        {
            remarks.Add($"In '{composer.Primary}': Defaults list is missing `_self_`: values of the config itself win over those of the configs it names; "
                + "say so with `- _self_` at the end of the list, or the contrary with `- _self_` at its start");
        }

        bool multirun = isMultirun || string.Equals(mode, "MULTIRUN", StringComparison.Ordinal);
        if (!multirun)
        {
            foreach (Override change in overrides)
            {
                change.RequireSingle();
            }

            return new HydraSweep(composer, [], overrides, isMultirun: false, remarks);
        }

        RequireBasicSweeper(master);
        if (isMultirun && mode == "RUN")
        {
            remarks.Add("hydra.mode is RUN in the config; --multirun wins");
        }

        List<Override> task = [.. Parameters(master), .. overrides.Where(static change => !change.IsHydra)];
        return new HydraSweep(composer, [.. overrides.Where(static change => change.IsHydra)], task, isMultirun: true, remarks);
    }

    /// <summary>Composes the jobs in Hydra's order, each when it is asked for.</summary>
    /// <param name="begin">Is told a job's overrides before it is composed.</param>
    public IEnumerable<Composition> Jobs(Action<IReadOnlyList<Override>>? begin = null)
    {
        if (!IsMultirun)
        {
            begin?.Invoke(_task);
            yield return _composer.Compose(_task);
            yield break;
        }

        int number = 0;
        foreach (IReadOnlyList<Override> job in SweepExpansion.Jobs(_task, _composer.Options))
        {
            begin?.Invoke(job);
            yield return _composer.Compose([.. _hydras, .. job], number++);
        }
    }

    /// <summary>Says what tells a job from the others: what was chosen for it.</summary>
    public string Label(IEnumerable<Override> job) => string.Join(' ', job.Where(change => SweptKeys.Contains(change.InputKey)).Select(static change => change.Text));

    private static ConfigException Ambiguous(Override change)
    {
        try
        {
            change.RequireSingle();
        }
        catch (ConfigException error)
        {
            return error;
        }

        throw new InvalidOperationException("A sweep was expected.");
    }

    private static IEnumerable<Override> Parameters(Composition master)
    {
        if (master.Hydra(["sweeper", "params"]) is not ConfigMapping parameters)
        {
            return [];
        }

        return parameters.Entries.Select(Parameter);
    }

    private static Override Parameter(ConfigEntry entry)
    {
        try
        {
            return Override.Parse($"{entry.Key}={entry.Value switch
            {
                ConfigScalar { Type: ScalarKind.Text } text => text.Text,
                ConfigScalar { Type: ScalarKind.Null } => "null",
                var value => Interpolation.PythonText.Of(value),
            }}") with { Mark = entry.Value.Mark };
        }
        catch (ConfigException error)
        {
            throw error.FromCommandLineAt(entry.Value.Mark);
        }
    }

    private static IEnumerable<string> Launcher(Composition master)
    {
        if (master.Choices.GetValueOrDefault("hydra/launcher") is { Text: not "basic" } launcher)
        {
            string jobs = master.HydraText("launcher", "n_jobs") is { } count ? $" and its n_jobs={count}" : "";
            yield return $"the launcher `{launcher.Text}`{jobs} is not needed: all experiments run at once in this one process";
        }
    }

    private static void RequireBasicSweeper(Composition master)
    {
        if (master.Choices.GetValueOrDefault("hydra/sweeper") is { } sweeper && sweeper.Text != "basic")
        {
            throw new ConfigException(ConfigErrorKind.InvalidValue, SourceMark.CommandLine,
                $"the sweeper `{sweeper.Text}` is a Hydra plug-in that chooses values while it runs; only the basic one, which runs all combinations, is known here",
                "leave hydra/sweeper out, and give the values: key=a,b,c");
        }
    }
}
