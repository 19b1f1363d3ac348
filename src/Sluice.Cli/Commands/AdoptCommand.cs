using System.CommandLine;
using Sluice.Cli.Views;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Recovery;
using Sluice.Sweeps;

namespace Sluice.Cli.Commands;

/// <summary><c>adopt</c>: takes over what was paid for and this workspace does not have.</summary>
internal static class AdoptCommand
{
    private static readonly Argument<string[]> Files = new("files") { Description = "Result files on disk; without any, the provider's list of batches is read.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string?> Provider = new("--provider") { Description = "Whose batches to list; default: every provider whose API key is set.", HelpName = "name" };
    private static readonly Option<string?> BaseUrl = new("--base-url") { Description = "The provider's address, as `model.base_url`.", HelpName = "url" };
    private static readonly Option<string?> ApiKeyEnv = new("--api-key-env") { Description = "The variable of the API key, as `model.api_key_env`.", HelpName = "name" };
    private static readonly Option<string?> OfIntent = new("--intent") { Description = "A batch in doubt, as `sluice status` shows it; with --batch.", HelpName = "id" };
    private static readonly Option<string?> Batch = new("--batch") { Description = "The provider's batch that it is.", HelpName = "id" };

    private static readonly Option<string?> Results = new("--results")
    {
        Description = "Take in the answers that the results of a sweep hold, when cache and ledger are lost; default: of every sweep.", HelpName = "sweep", Arity = ArgumentArity.ZeroOrOne,
    };

    public static Command Create()
    {
        var command = new Command("adopt", "Fill the cache with answers to our requests that the provider, a result file, or our own results still have. Settle a batch in doubt.") { Files, Results, Provider, BaseUrl, ApiKeyEnv, OfIntent, Batch };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            RequireUse(parsed);
            if (parsed.GetResult(Results) is not null)
            {
                return await TakeInResultsAsync(parsed, cancellationToken).ConfigureAwait(false);
            }

            var session = new Session(parsed.GetValue(CommonOptions.Workspace)!);
            await using var _ = session.ConfigureAwait(false);
            return (parsed.GetValue(OfIntent), parsed.GetValue(Batch)) switch
            {
                (null, null) => await TakeOverAsync(session, parsed, cancellationToken).ConfigureAwait(false),
                ({ } intent, { } batch) => await SettleAsync(session, intent, batch, parsed, cancellationToken).ConfigureAwait(false),
                _ => throw new SluiceException(ErrorKind.Usage, "--intent and --batch belong together", "name the batch in doubt with --intent and the provider's batch with --batch"),
            };
        });
        return command;
    }

    /// <summary>Refuses what would otherwise be passed over in silence.</summary>
    private static void RequireUse(ParseResult parsed)
    {
        var files = parsed.GetValue(Files)!;
        var settles = parsed.GetValue(OfIntent) is not null || parsed.GetValue(Batch) is not null;
        if (parsed.GetResult(Results) is not null && (files.Length > 0 || ((Option[])[Provider, BaseUrl, ApiKeyEnv, OfIntent, Batch]).Any(o => parsed.GetResult(o) is not null)))
        {
            throw new SluiceException(ErrorKind.Usage, "--results reads the results of this workspace; files, a provider and a batch have no part in it", "adopt them in a command of their own");
        }

        if (settles && files.Length > 0)
        {
            throw new SluiceException(ErrorKind.Usage, "--intent and --batch settle a batch in doubt; files have no part in it", "adopt the files in a command of their own");
        }

        if ((settles || files.Length > 0) && ((Option[])[Provider, BaseUrl, ApiKeyEnv]).FirstOrDefault(o => parsed.GetResult(o) is not null) is { } idle)
        {
            throw new SluiceException(ErrorKind.Usage, $"{idle.Name} has no meaning here: {(settles ? "the ledger knows the batch's provider" : "files are read without a provider")}", "leave it out");
        }

        if (parsed.GetValue(BaseUrl) is not null && parsed.GetValue(Provider) is null)
        {
            throw new SluiceException(ErrorKind.Usage, "--base-url needs --provider: whose address is it", "name it: openai, anthropic or openai-compatible");
        }

        if (files.Where(f => !File.Exists(f)).ToList() is { Count: > 0 } missing)
        {
            throw new SluiceException(ErrorKind.Usage, string.Join('\n', missing.Select(f => $"file {f} {(Directory.Exists(f) ? "is a folder" : "does not exist")}")), "nothing was read; a relative path is looked up from the current folder");
        }
    }

    private static async Task<int> TakeOverAsync(Session session, ParseResult parsed, CancellationToken cancellationToken)
    {
        var quiet = parsed.GetValue(CommonOptions.Quiet);
        LostResults.Remember(session.Workspace, session.Ledger);
        var adopter = new Adopter(new BatchContext(session.Ledger, session.Cache, session.Providers, session.Workspace.SpoolFolder, session.Time, e => Say(e, quiet)));
        var report = new AdoptReport();
        var trouble = new List<SluiceException>();
        var files = parsed.GetValue(Files)!;
        var named = parsed.GetValue(Provider) is { } provider ? [provider] : session.Providers.Names.Where(IsNamed);
        await session.FindSimulatorsAsync(
            named.SelectMany(name => session.Providers.ApisOf(name).Select(api => session.Providers.Refer(name, api, parsed.GetValue(BaseUrl), parsed.GetValue(ApiKeyEnv)))), cancellationToken).ConfigureAwait(false);
        var dialects = session.Providers.Names.Where(IsNamed).SelectMany(name => Accounts(session, name, null, null)).Select(a => a.Dialect).ToList();
        foreach (var file in files)
        {
            report += await adopter.AdoptAsync(file, dialects, cancellationToken).ConfigureAwait(false);
        }

        if (files.Length == 0)
        {
            foreach (var accounts in Listed(session, parsed))
            {
                try
                {
                    report += await adopter.AdoptAsync(accounts, cancellationToken).ConfigureAwait(false);
                }
                catch (ProviderException error)
                {
                    // The other accounts have what was paid for all the same.
                    trouble.Add(AccountTrouble.Of(accounts[0], error.Error)
                        ?? new SluiceException(ErrorKind.Environment, $"provider `{accounts[0].Reference.Provider}`: {error.Error}", "what was taken over stays; run the same command again", error));
                }
            }
        }

        Show(report, files.Length, parsed.GetValue(CommonOptions.Json));
        // What only people can solve is the exit code.
        trouble = [.. trouble.OrderBy(t => t.Kind == ErrorKind.Credentials ? 0 : 1)];
        foreach (var other in trouble.Skip(1))
        {
            Terminal.Error(other.Message, other.Hint);
        }

        if (trouble.Count > 0)
        {
            throw trouble[0];
        }

        // E.g. live answers, which no provider lists: only the results have them.
        return await session.WarnOfLossAsync(cancellationToken).ConfigureAwait(false) ? ExitCodes.Incomplete : ExitCodes.Done;
    }

    /// <summary>Takes in what results hold, each sweep with the store that its configs name.</summary>
    private static async Task<int> TakeInResultsAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var folder = parsed.GetValue(CommonOptions.Workspace)!;
        var workspace = new Workspace(folder);
        IReadOnlyList<string> sweeps = parsed.GetValue(Results) is { } named ? [named] : [.. SweepManifest.Sweeps(workspace).Where(s => LostResults.HasResults(workspace, s)).Order(StringComparer.Ordinal)];
        if (sweeps.Count == 0)
        {
            throw new SluiceException(ErrorKind.Usage, $"there are no results in {workspace.RunsFolder}", "name the folder that holds runs/ with --workspace");
        }

        var report = new ResultsReport();
        foreach (var sweep in sweeps)
        {
            var session = new Session(folder);
            await using var _ = session.ConfigureAwait(false);
            foreach (var plan in await session.PlansOfResultsAsync(sweep, cancellationToken).ConfigureAwait(false))
            {
                var path = Path.Combine(workspace.SweepFolder(sweep), plan.Experiment.Name, "results.jsonl");
                var found = await new ResultsAdopter(session.Cache).AdoptAsync(plan, path, cancellationToken).ConfigureAwait(false);
                report += found with { Experiments = 1 };
                if (found.LeftOut > 0)
                {
                    // What nobody has is asked for again.
                    session.Ledger.ForgetResults([(sweep, plan.Experiment.Name)]);
                }
            }
        }

        Show(report, parsed.GetValue(CommonOptions.Json));
        return report.LeftOut > 0 ? ExitCodes.Incomplete : ExitCodes.Done;
    }

    private static void Show(ResultsReport report, bool json)
    {
        if (json)
        {
            JsonOut.Write(writer =>
            {
                writer.WriteNumber("experiments", report.Experiments);
                writer.WriteNumber("answers", report.Answers);
                writer.WriteNumber("new", report.New);
                writer.WriteNumber("left_out", report.LeftOut);
                writer.WriteString("reason", report.Reason);
                writer.WriteNumber("failed", report.Failed);
            });
            return;
        }

        Terminal.Print($"results of {Numbers.Of(report.Experiments, "experiment")}: {Numbers.Of(report.Answers, "answer")}, {Numbers.Count(report.New)} of them new here");
        if (report.LeftOut > 0)
        {
            Terminal.Warning($"{Numbers.Of(report.LeftOut, "answer")} could not be made again: {report.Reason}");
            Terminal.Hint("`sluice adopt` fetches answers of batches from the provider; what nobody has is sent again by `sluice run`");
        }

        if (report.Failed > 0)
        {
            Terminal.Line($"{Numbers.Of(report.Failed, "sample")} had failed: `sluice run` sends their requests again");
        }
    }

    private static async Task<int> SettleAsync(Session session, string id, string batchId, ParseResult parsed, CancellationToken cancellationToken)
    {
        if (session.ExistingLedger?.Open().FirstOrDefault(i => i.Id == id && i.BatchId == batchId && !i.IsInDoubt) is { } settled)
        {
            // E.g. by the same command, which was killed before it could say so.
            Show(settled, parsed.GetValue(CommonOptions.Json));
            return ExitCodes.Done;
        }

        var intent = Doubt.Of(session, id);
        var provider = session.Providers.Get(intent.Provider);
        BatchInfo info;
        try
        {
            info = await provider.Batch!.GetAsync(batchId, cancellationToken).ConfigureAwait(false);
        }
        catch (ProviderException error)
        {
            throw AccountTrouble.Of(provider, error.Error)
                ?? (error.Error.Class is ErrorClass.Transient or ErrorClass.RateLimited
                    ? new SluiceException(ErrorKind.Environment, $"provider `{provider.Reference.Provider}` cannot be asked for batch `{batchId}`: {error.Error}", "nothing was changed; run the same command again", error) : null)
                ?? new SluiceException(ErrorKind.Usage, $"provider `{provider.Reference.Provider}` does not show batch `{batchId}`: {error.Error}", $"{AccountTrouble.StrangerTo(intent, provider) ?? "check the id in the provider's console"}; nothing was changed", error);
        }

        // The mark proves more than a count, which may be 0 while the provider checks the input.
        if (info.Intent is { } mark ? mark != id : info.Total is > 0 and var total && total != intent.Count)
        {
            throw new SluiceException(ErrorKind.Usage, $"batch `{batchId}` is another one: it has {info.Total} requests{(info.Intent is { } other ? $" and carries the mark `{other}`" : "")}; `{id}` has {intent.Count}", "nothing was changed");
        }

        // Even people may err: unless the batch carries our mark, its results must prove it.
        Show(session.Ledger.MarkSubmitted(Doubt.TakeOver(session, intent), batchId, provisional: info.Intent is null), parsed.GetValue(CommonOptions.Json));
        return ExitCodes.Done;
    }

    private static void Show(Intent settled, bool json)
    {
        if (json)
        {
            JsonOut.Write(writer =>
            {
                writer.WriteString("intent", settled.Id);
                writer.WriteString("batch", settled.BatchId);
            });
            return;
        }

        Terminal.Print($"batch {settled.BatchId} taken for {settled.Id}: {Numbers.Of(settled.Count, "request")}{(settled.IsProvisional ? ", until its results prove it" : "")}");
        Terminal.Hint("`sluice run` or `sluice retrieve --wait` collects it" + (settled.IsProvisional ? "; if its results are others', `sluice status` shows the doubt again" : ""));
    }

    /// <summary>Returns the accounts to list, each once per kind of request that it takes.</summary>
    private static IEnumerable<IReadOnlyList<IProvider>> Listed(Session session, ParseResult parsed)
    {
        if (parsed.GetValue(Provider) is { } name)
        {
            var named = Accounts(session, name, parsed.GetValue(BaseUrl), parsed.GetValue(ApiKeyEnv));
            named[0].EnsureCredentials();
            return named[0].Batch is not null ? [named] : throw new SluiceException(ErrorKind.Usage, $"provider `{name}` has no Batch API", "there is nothing to take over from it");
        }

        var all = session.Providers.Names.Where(IsNamed).Select(n => Accounts(session, n, null, parsed.GetValue(ApiKeyEnv))).Where(a => a[0].Batch is not null && HasKey(a[0])).ToList();
        return all.Count > 0 ? all : throw new SluiceException(ErrorKind.Credentials, "no provider's API key is set", "set OPENAI_API_KEY or ANTHROPIC_API_KEY, or name a provider with --provider, --base-url and --api-key-env");
    }

    /// <summary>Tells whether a provider can be reached by its name alone: rehearsals have no batches worth keeping, and compatible services need an address.</summary>
    private static bool IsNamed(string provider) => provider is not (SimulatedProviderFactory.ProviderName or "openai-compatible");

    private static List<IProvider> Accounts(Session session, string name, string? baseUrl, string? apiKeyEnv) =>
        [.. session.Providers.ApisOf(name).Select(api => session.Providers.Get(name, api, baseUrl, apiKeyEnv))];

    private static bool HasKey(IProvider provider)
    {
        try
        {
            provider.EnsureCredentials();
            return true;
        }
        catch (SluiceException)
        {
            return false;
        }
    }

    private static void Say(DispatchEvent e, bool quiet)
    {
        if (e is Remark remark && !quiet)
        {
            Terminal.Line(remark.Text);
        }
    }

    private static void Show(AdoptReport report, int files, bool json)
    {
        if (json)
        {
            JsonOut.Write(writer =>
            {
                writer.WriteNumber("files", files);
                writer.WriteNumber("batches", report.Batches);
                writer.WriteNumber("ours", report.Ours);
                writer.WriteNumber("under_way", report.UnderWay);
                writer.WriteNumber("unclear", report.Unclear);
                writer.WriteNumber("responses", report.Responses);
                writer.WriteNumber("new", report.New);
                writer.WriteNumber("failed", report.Failed);
                writer.WriteNumber("others", report.Others);
                writer.WriteNumber("unreadable", report.Unreadable);
                writer.WriteNumber("gone", report.Gone);
            });
            return;
        }

        var source = files > 0 ? Numbers.Of(files, "file") : $"{Numbers.Of(report.Batches, "batch")}, {Numbers.Count(report.Ours)} of them ours";
        Terminal.Print($"{source}: {Numbers.Of(report.Responses, "answer")}, {Numbers.Count(report.New)} of them new here; {Numbers.Of(report.Failed, "failed line")}, {Numbers.Of(report.Others, "line")} of others, {Numbers.Of(report.Unreadable, "unreadable line")}");
        if (report.Gone > 0)
        {
            Terminal.Line($"{Numbers.Of(report.Gone, "result file")} of the account no longer there");
        }

        if (report.UnderWay > 0)
        {
            Terminal.Line($"{Numbers.Of(report.UnderWay, "batch")} of ours still under way: `sluice run` collects what they bring");
        }

        if (report.Unclear > 0)
        {
            Terminal.Warning($"{Numbers.Of(report.Unclear, "batch")} still under way may be ours: the provider tells only when they have ended. Adopt again then, before you run, or their requests are paid for twice");
        }
    }
}
