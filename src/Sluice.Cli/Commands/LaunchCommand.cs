using System.CommandLine;
using System.CommandLine.Parsing;
using Sluice.Cli.Views;
using Sluice.Launching;
using Sluice.Memory;
using Sluice.Sweeps;

namespace Sluice.Cli.Commands;

/// <summary><c>launch</c>: runs other programs, so many at once as memory lets.</summary>
internal static class LaunchCommand
{
    private static readonly Argument<string[]> Words = new("overrides")
    {
        Description = "key=value overrides of each job; after `--` the command, with {} for a job's overrides, {job} for its number and {name} for its name.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<int> Jobs = new("--jobs", "-j") { Description = "The most jobs at once.", HelpName = "n", DefaultValueFactory = _ => Environment.ProcessorCount };
    private static readonly Option<string[]> Memory = new("--mem")
    {
        Description = "What a job needs, e.g. 5GB, or what those with an override need, e.g. model=large:12GB; default: what earlier ones used.",
        HelpName = "size",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<bool> Multirun = new("--multirun", "-m") { Description = "One job for each combination of values that are given as a,b,c." };
    private static readonly Option<string?> Name = new("--name") { Description = "Name of the launch: what is done is remembered under it; default: the script's.", HelpName = "name" };
    private static readonly Option<bool> RetryFailed = new("--retry-failed") { Description = "Run jobs again that have failed." };
    private static readonly Option<int> Nice = new("--nice") { Description = "How much the jobs step back at the processor, 0 to 19.", HelpName = "n", DefaultValueFactory = _ => 5 };
    private static readonly Option<int> OomScore = new("--oom-score-adj") { Description = "How much rather the kernel kills a job than others, 0 to 1000.", HelpName = "n", DefaultValueFactory = _ => 500 };
    private static readonly Option<int?> Threads = new("--threads") { Description = "Threads per job, told to its libraries; 0 tells nothing; default: the cores, shared.", HelpName = "n" };

    public static Command Create()
    {
        Range(Jobs, 1, 10_000);
        Range(Nice, 0, 19);
        Range(OomScore, 0, 1000);
        Range(Threads, 0, 10_000);
        Memory.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => Declared(token.Value) is null))
            {
                result.AddError($"--mem: expected a size such as 5GB or model=large:12GB, found {token.Value}");
            }
        });
        var command = new Command("launch", "Run other programs, one for each combination of overrides, below the memory limit.") { Words, Jobs, Memory, Multirun, Name, RetryFailed, Nice, OomScore, Threads };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
    {
        var options = Options(parsed);
        var workspace = new Workspace(parsed.GetValue(CommonOptions.Workspace)!);
        workspace.Prepare();
        options = options with { Folder = Path.Combine(workspace.RunsFolder, SweepName.OfLaunches, options.Name) };
        var log = new GovernorLog(workspace.MemoryLogPath, TimeProvider.System);
        LaunchResult result;
        using (var view = new LaunchView(parsed.GetValue(CommonOptions.Quiet), TimeProvider.System))
        {
            view.Start();
            result = await new Launcher(options, MachineMemory.Probe().Sample, TimeProvider.System, view.Observe, log.Write).RunAsync(stop).ConfigureAwait(false);
        }

        if (parsed.GetValue(CommonOptions.Json))
        {
            LaunchSummary.Json(result);
        }
        else
        {
            LaunchSummary.Table(result);
        }

        if (result.IsStopped && result.Count(LaunchOutcome.Pending) > 0)
        {
            throw new OperationCanceledException(stop);
        }

        return result.Count(LaunchOutcome.Done) == result.Jobs.Count ? ExitCodes.Done : ExitCodes.Incomplete;
    }

    private static LaunchOptions Options(ParseResult parsed)
    {
        string[] command = [.. parsed.Tokens.SkipWhile(t => t.Type != TokenType.DoubleDash).Skip(1).Select(t => t.Value)];
        if (command.Length == 0)
        {
            throw new SluiceException(ErrorKind.Usage, "there is no command to launch", "sluice launch -j 4 -m seed=1,2,3 -- python run_sweep.py {}");
        }

        var jobs = parsed.GetValue(Jobs);
        return new LaunchOptions
        {
            Name = parsed.GetValue(Name) is { } name ? SweepName.Checked(name, "launch") : LaunchName.Of(command),
            Folder = "",
            WorkingFolder = Environment.CurrentDirectory,
            Command = command,
            Overrides = parsed.GetValue(Words)![..^command.Length],
            Multirun = parsed.GetValue(Multirun),
            MaxJobs = jobs,
            Declared = [.. parsed.GetValue(Memory)!.Select(Declared).OfType<DeclaredMemory>()],
            RetryFailed = parsed.GetValue(RetryFailed),
            Nice = parsed.GetValue(Nice),
            OomScoreAdjustment = parsed.GetValue(OomScore),
            ThreadsPerJob = parsed.GetValue(Threads) ?? Math.Max(1, Environment.ProcessorCount / jobs),
        };
    }

    private static DeclaredMemory? Declared(string text)
    {
        var end = text.LastIndexOf(':');
        var isOfAll = end < 0;
        return (isOfAll || text.AsSpan(0, end).Contains('=')) && MemorySize.Parse(text[(end + 1)..]) is { } bytes ? new DeclaredMemory(isOfAll ? null : text[..end], bytes) : null;
    }

    private static void Range(Option option, int least, int most) => option.Validators.Add(result =>
    {
        if (result.Tokens is [{ Value: var text }] && int.TryParse(text, out var value) && (value < least || value > most))
        {
            result.AddError($"{option.Name}: expected a number from {least} to {most}, found {text}");
        }
    });
}
