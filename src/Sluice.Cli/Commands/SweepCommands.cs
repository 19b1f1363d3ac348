using System.CommandLine;
using System.Runtime.ExceptionServices;
using Sluice.Cli.Views;
using Sluice.Experiments;
using Sluice.Memory;
using Sluice.Sweeps;

namespace Sluice.Cli.Commands;

/// <summary><c>run</c>, <c>submit</c> and <c>retrieve</c>: the same sweep, sent and waited for to different lengths.</summary>
internal static class SweepCommands
{
    private const string Again = "run the same command again to go on";

    public static Command Run() => Sending("run", "Send what is missing, save answers as they arrive, write results. Run it again to resume.", SweepMode.Run);

    public static Command Submit() => Sending("submit", "Send what is missing and return; collect it later with `sluice retrieve`.", SweepMode.Submit);

    public static Command Retrieve()
    {
        var wait = new Option<bool>("--wait") { Description = "Stay until every batch has ended." };
        var sweep = CommonOptions.Sweep("The one sweep to retrieve; default: all that wait, else the latest one.");
        var command = new Command("retrieve", "Take over finished batches and write results; sends nothing.") { wait, sweep };
        command.SetAction((parsed, cancellationToken) =>
        {
            var workspace = new Workspace(parsed.GetValue(CommonOptions.Workspace)!);
            IReadOnlyList<string> names = parsed.GetValue(sweep) is { } name ? [SweepName.Checked(name, "sweep")]
                : SweepManifest.Waiting(workspace) is { Count: > 0 } waiting ? waiting
                : SweepManifest.Sweeps(workspace) is [var latest, ..] ? [latest]
                : throw new SluiceException(ErrorKind.Usage, $"there are no results in {workspace.RunsFolder}", "start a sweep with `sluice run` or `sluice submit`, or name the folder with --workspace");
            return RetrieveAsync(names, parsed.GetValue(wait) ? SweepMode.RetrieveAndWait : SweepMode.Retrieve, parsed, cancellationToken);
        });
        return command;
    }

    /// <summary>Retrieves sweeps one after the other; one that cannot be gone on with does not keep the others from their results.</summary>
    private static async Task<int> RetrieveAsync(IReadOnlyList<string> names, SweepMode mode, ParseResult parsed, CancellationToken cancellationToken)
    {
        var outcomes = new List<SweepOutcome>();
        try
        {
            return await RetrieveAsync(names, mode, parsed, outcomes, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // One document for all, also when an error ends the command.
            if (parsed.GetValue(CommonOptions.Json) && outcomes.Count > 0)
            {
                SweepView.Json(outcomes);
            }
        }
    }

    private static async Task<int> RetrieveAsync(IReadOnlyList<string> names, SweepMode mode, ParseResult parsed, List<SweepOutcome> outcomes, CancellationToken cancellationToken)
    {
        var (code, isLost) = (ExitCodes.Done, false);
        foreach (var name in names)
        {
            // Of its own for each: sweeps may have other caches and simulators.
            var session = new Session(parsed.GetValue(CommonOptions.Workspace)!);
            await using var _ = session.ConfigureAwait(false);
            isLost = name == names[0] ? await session.WarnOfLossAsync(cancellationToken).ConfigureAwait(false) : isLost;

            var options = new SweepOptions(name, mode, RetryFailed: false);
            try
            {
                var plans = await session.ReopenAsync(name, cancellationToken).ConfigureAwait(false);
                var outcome = await ExecuteAsync(session, plans, options, parsed, cancellationToken).ConfigureAwait(false);
                outcomes.Add(outcome);
                if (!parsed.GetValue(CommonOptions.Json))
                {
                    SweepView.Table(outcome);
                }

                outcome.ThrowError();
                code = Worse(code, Conclude(outcome.Result, options, Again, names.Count > 1, isLost));
                if (outcome.Result.State == SweepState.Interrupted)
                {
                    break;
                }
            }
            catch (SluiceException error) when (names.Count > 1)
            {
                Terminal.Error($"sweep `{name}`: {error.Message}", error.Hint);
                Terminal.Hint($"go on with one sweep alone: --sweep NAME; one that is not needed any more goes with its folder, runs/{name}");
                code = Worse(code, ExitCodes.Of(error.Kind));
            }
        }

        return code;
    }

    // What only people can solve before what only takes time, and that before what is over.
    private static int Worse(int one, int other)
    {
        int[] order = [ExitCodes.Interrupted, ExitCodes.Credentials, ExitCodes.Unexpected, ExitCodes.Usage, ExitCodes.Memory, ExitCodes.Pending, ExitCodes.Incomplete, ExitCodes.Done];
        return order.First(code => code == one || code == other);
    }

    private static Command Sending(string name, string description, SweepMode mode)
    {
        var sweep = CommonOptions.Sweep("Name of the sweep, its folder below runs/; default: the configs' folder.");
        var retry = CommonOptions.RetryFailed();
        var refresh = CommonOptions.Refresh();
        var command = new Command(name, description) { sweep, retry, refresh };
        var configs = new ConfigArguments(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var session = new Session(parsed.GetValue(CommonOptions.Workspace)!);
            await using var _ = session.ConfigureAwait(false);
            if (configs.View(parsed) is { } wanted)
            {
                session.Show(configs.Request(parsed), wanted, parsed.GetValue(CommonOptions.Json), cancellationToken);
                return ExitCodes.Done;
            }

            var plans = await session.PlanAsync(configs.Request(parsed), parsed.GetValue(refresh), cancellationToken).ConfigureAwait(false);
            MemoryCheck.Make(plans, MachineMemory.Probe().Sample());
            var options = new SweepOptions(SweepName.Of(parsed.GetValue(sweep), plans), mode, parsed.GetValue(retry));
            session.WarnOfTakenFolders(options.Name, plans);
            var again = Again;
            if (parsed.GetValue(refresh) && plans.Max(p => p.Experiment.Cache.NotBefore) is { } began)
            {
                // Said before anything is sent: whoever is killed says nothing any more.
                again = $"to go on with this refresh, and not to pay for another: cache.not_before={began.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'} instead of --refresh";
                Terminal.Hint(again);
            }

            var outcome = await ExecuteAsync(session, plans, options, parsed, cancellationToken).ConfigureAwait(false);
            if (parsed.GetValue(CommonOptions.Json))
            {
                SweepView.Json([outcome]);
            }
            else
            {
                SweepView.Table(outcome);
            }

            outcome.ThrowError();
            return Conclude(outcome.Result, options, again);
        });
        return command;
    }

    /// <summary>Runs a sweep. An error that ends it after it has begun comes with what was done and paid until then.</summary>
    private static async Task<SweepOutcome> ExecuteAsync(Session session, IReadOnlyList<ExperimentPlan> plans, SweepOptions options, ParseResult parsed, CancellationToken cancellationToken)
    {
        if (options.Mode is SweepMode.Run or SweepMode.Submit)
        {
            session.RememberSimulators();
        }

        if (session.Workspace.UmaskAgainstGroup is { } umask)
        {
            Terminal.Warning($"a group shares {session.Workspace.Root}, and with the umask {umask} it cannot write what this command makes: say `umask 002` first");
        }

        var cache = await session.Stores.OpenAsync(sends: options.Mode is SweepMode.Run or SweepMode.Submit, cancellationToken).ConfigureAwait(false);
        using var view = new RunView(parsed.GetValue(CommonOptions.Quiet), session.Time);
        view.Start();
        var runner = new SweepRunner(session.Workspace, session.Ledger, cache, session.Providers, session.Time, options, view.Observe, WatchedMemory(plans));
        try
        {
            return new SweepOutcome(await runner.RunAsync(plans, cancellationToken).ConfigureAwait(false), session.Stores.Shadow);
        }
        catch (Exception error) when (runner.Unfinished is not null)
        {
            return new SweepOutcome(runner.Unfinished, session.Stores.Shadow) { Error = ExceptionDispatchInfo.Capture(error), Ending = Ending.Of(error, cancellationToken) };
        }
    }

    /// <summary>Returns what tells how much memory is left; nothing does when no experiment requires any.</summary>
    private static Func<MemorySample>? WatchedMemory(IReadOnlyList<ExperimentPlan> plans) =>
        plans.All(p => p.Experiment.MemoryRequiredGb == 0) ? null : MachineMemory.Probe().Sample;

    private static int Conclude(SweepResult result, SweepOptions options, string again, bool isOneOfSeveral = false, bool isLost = false)
    {
        var of = isOneOfSeveral ? $"{result.Name}: " : "";
        var pending = result.Experiments.Sum(e => e.Summary?.Pending ?? 0);
        var failed = result.Experiments.Sum(e => e.Summary?.Failed ?? 0);
        switch (result.State)
        {
            case SweepState.Done:
                return ExitCodes.Done;
            case SweepState.Pending:
                Terminal.Line($"{of}{Numbers.Of(pending, "sample")} still without an answer");
                BatchAdvice.Give(result);
                return ExitCodes.Pending;
            case SweepState.Interrupted:
                Terminal.Line("stopped; what was answered is saved" + (result.BatchesUnderWay > 0 ? $", {Numbers.Of(result.BatchesUnderWay, "batch")} at the provider will be collected later" : ""));
                Terminal.Hint(again + (result.BatchesUnderWay > 0 ? $", or `sluice retrieve --wait --sweep {result.Name}`" : ""));
                return ExitCodes.Interrupted;
            default:
                if (pending > 0 && isLost)
                {
                    // What was lost may be theirs: nobody can say that they were not sent.
                    Terminal.Line($"{of}{Numbers.Of(pending, "sample")} without an answer");
                }
                else if (pending > 0)
                {
                    Terminal.Line(options.Mode is SweepMode.Retrieve or SweepMode.RetrieveAndWait
                        ? $"{of}{Numbers.Of(pending, "sample")} not sent yet"
                        : $"{of}{Numbers.Of(pending, "sample")} not finished");
                    Terminal.Hint(result.Experiments.Any(e => e.Stopped > 0) ? "correct what the message says and run again; to send the rest all the same, set `live.stop_after: 0`"
                        : result.Experiments.Any(e => e.Held > 0) ? "raise `budget.usd` and run again" : "send them with `sluice run` or `sluice submit`");
                }

                if (failed > 0)
                {
                    Terminal.Line($"{of}{Numbers.Of(failed, "sample")} failed for good");
                    Terminal.Hint("see `error` in results.jsonl; send them again with --retry-failed");
                }

                return ExitCodes.Incomplete;
        }
    }
}
