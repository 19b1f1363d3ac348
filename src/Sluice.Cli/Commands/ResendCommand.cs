using System.CommandLine;
using Sluice.Cli.Views;
using Sluice.Dispatch;
using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Cli.Commands;

/// <summary><c>resend</c>: people no longer wait for batches, or say that there are none: their requests are asked again.</summary>
internal static class ResendCommand
{
    public static Command Create()
    {
        var ids = new Argument<string[]>("batches") { Description = "Batch or intent ids, as `sluice status` shows them.", Arity = ArgumentArity.OneOrMore };
        var yes = new Option<bool>("--yes") { Description = "Also give up a batch that the provider still has: what it answers is paid for, and asked again." };
        var command = new Command("resend", "Give up batches that never come, or whose create call was lost: their requests are asked again. If the provider answers them after all, they are paid for twice.") { ids, yes };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var session = new Session(parsed.GetValue(CommonOptions.Workspace)!);
            await using var _ = session.ConfigureAwait(false);
            var open = session.ExistingLedger?.Open() ?? [];
            var intents = parsed.GetValue(ids)!.Distinct().Select(id => Of(open, id)).DistinctBy(i => i.Row).ToList();
            var resent = new List<(Intent Intent, bool Done, string What)>();
            foreach (var intent in intents)
            {
                var (done, what) = intent.IsInDoubt ? SendAgain(session, intent) : await GiveUpAsync(session, intent, parsed.GetValue(yes), cancellationToken).ConfigureAwait(false);
                resent.Add((intent, done, what));
            }

            Show(resent, parsed.GetValue(CommonOptions.Json));
            return resent.TrueForAll(r => r.Done) ? ExitCodes.Done : ExitCodes.Incomplete;
        });
        return command;
    }

    private static Intent Of(IReadOnlyList<Intent> open, string id)
    {
        var intent = open.FirstOrDefault(i => i.Id == id || i.BatchId == id)
            ?? throw new SluiceException(ErrorKind.Usage, $"no open batch is called `{id}`", "see `sluice status`");
        return intent.IsInDoubt || intent.State == IntentState.Submitted
            ? intent
            : throw new SluiceException(ErrorKind.Usage, $"batch `{id}` has not been sent yet", "`sluice run` or `sluice submit` sends it, `sluice cancel` drops it");
    }

    private static (bool Done, string What) SendAgain(Session session, Intent intent)
    {
        session.Ledger.MarkNotCreated(Doubt.TakeOver(session, intent), "people say that there is no batch of it; sending again");
        return (true, "to be sent again");
    }

    /// <summary>Frees the requests of a batch at the provider: at once when that no longer has it; else when people insist.</summary>
    private static async Task<(bool Done, string What)> GiveUpAsync(Session session, Intent intent, bool insists, CancellationToken cancellationToken)
    {
        if (!insists && await WhyNotAsync(session.Providers.Get(intent.Provider), intent, cancellationToken).ConfigureAwait(false) is { } reason)
        {
            return (false, $"left alone: {reason}");
        }

        if (session.Ledger.Overrule(intent, evenSubmitted: true) is not { State: IntentState.Submitted } mine
            || !session.Ledger.GiveUp(mine, "given up by `sluice resend`; should results of it turn up, `sluice adopt` takes them over"))
        {
            return (false, "left alone: it has just been settled");
        }

        // The ledger knows it, so that its spool is nobody's loss should this be killed in between.
        Spool.Delete(session.Workspace.SpoolFolder, intent.Id);
        return (true, $"given up: its {Numbers.Of(intent.Count, "request")} can be asked again");
    }

    /// <summary>Says why a batch had better be waited for, or null when it is gone for good.</summary>
    private static async Task<string?> WhyNotAsync(IProvider provider, Intent intent, CancellationToken cancellationToken)
    {
        provider.EnsureCredentials();
        try
        {
            if (await UnlessGoneAsync(() => provider.Batch!.GetAsync(intent.BatchId!, cancellationToken)).ConfigureAwait(false) is not { } info)
            {
                return AccountTrouble.StrangerTo(intent, provider) is { } stranger ? $"{stranger}. `--yes` gives it up all the same"
                    : await ListedAsync(provider.Batch!, intent, cancellationToken).ConfigureAwait(false) is { } listed
                    ? $"the provider says that it is gone, and lists it as `{listed.RawState}` all the same; what it still answers is paid for. `--yes` gives it up" : null;
            }

            if (!info.IsEnded)
            {
                return $"the provider has it as `{info.RawState}`; what it still answers is paid for. `--yes` gives it up all the same";
            }

            var left = 0;
            foreach (var file in info.ResultFiles)
            {
                var stream = await UnlessGoneAsync(() => provider.Batch!.OpenResultsAsync(file, cancellationToken)).ConfigureAwait(false);
                await using var _ = (stream ?? Stream.Null).ConfigureAwait(false);
                left += stream is null ? 0 : 1;
            }

            return (left, info.ResultFiles.Count - left) switch
            {
                (0, > 0) => $"it has ended as `{info.RawState}`, and the provider says that its results are gone. `--yes` gives it up",
                (_, 0) => $"it has ended as `{info.RawState}`: `sluice retrieve` collects it. `--yes` gives it up all the same",
                _ => $"it has ended as `{info.RawState}`, and only a part of its results is gone: `sluice retrieve` takes what is there. Then `--yes` frees the rest",
            };
        }
        catch (ProviderException error)
        {
            throw AccountTrouble.Of(provider, error.Error)
                ?? new SluiceException(ErrorKind.Environment, $"whether the provider still has batch {intent.BatchId} cannot be told: {error.Error}", "try again later, or say --yes: should it have it, its requests are paid for twice", error);
        }
    }

    /// <summary>Looks for a batch in the provider's list, which begins a day before it was written: clocks differ.</summary>
    private static async Task<BatchInfo?> ListedAsync(IBatchApi api, Intent intent, CancellationToken cancellationToken)
    {
        await foreach (var batch in api.ListAsync(intent.CreatedAt.AddDays(-1), cancellationToken).ConfigureAwait(false))
        {
            if (batch.Id == intent.BatchId)
            {
                return batch;
            }
        }

        return null;
    }

    /// <summary>Asks for something of a batch; null when it is gone.</summary>
    private static async Task<T?> UnlessGoneAsync<T>(Func<Task<T>> ask)
        where T : class
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (ProviderException error) when (error.IsGone)
        {
            return null;
        }
    }

    private static void Show(List<(Intent Intent, bool Done, string What)> resent, bool json)
    {
        if (json)
        {
            JsonOut.Write(writer =>
            {
                writer.WriteStartArray("resent");
                resent.Where(r => r.Done).ToList().ForEach(r => writer.WriteStringValue(r.Intent.Id));
                writer.WriteEndArray();
                writer.WriteStartArray("left_alone");
                foreach (var (intent, _, what) in resent.Where(r => !r.Done))
                {
                    writer.WriteStartObject();
                    writer.WriteString("intent", intent.Id);
                    writer.WriteString("batch", intent.BatchId);
                    writer.WriteString("reason", what);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        foreach (var (intent, _, what) in resent)
        {
            Terminal.Print($"{intent.BatchId ?? intent.Id}: {what}");
        }

        if (resent.Exists(r => r.Done))
        {
            Terminal.Hint("`sluice run` or `sluice submit` sends what is missing");
        }
    }
}

/// <summary>Finds and takes over intents whose create call is in doubt.</summary>
internal static class Doubt
{
    /// <summary>Returns the intent of an id.</summary>
    /// <exception cref="SluiceException">There is none, or it is not in doubt.</exception>
    public static Intent Of(Session session, string id)
    {
        var open = session.ExistingLedger?.Open() ?? [];
        var intent = open.FirstOrDefault(i => i.Id == id)
            ?? throw new SluiceException(ErrorKind.Usage, $"no open batch is called `{id}`", "see `sluice status`: the id of a batch in doubt stands where others have the provider's");
        return intent.IsInDoubt
            ? intent
            : throw new SluiceException(ErrorKind.Usage, $"batch `{id}` is not in doubt", "only a batch whose create call has no known outcome is settled by people: `unknown` or `needs a decision` in `sluice status`");
    }

    /// <summary>Takes the intent over from whichever process works on it.</summary>
    /// <exception cref="SluiceException">Its create call is still under way.</exception>
    public static Intent TakeOver(Session session, Intent intent) => session.Ledger.Overrule(intent)
        ?? throw new SluiceException(ErrorKind.Usage, $"the create call of `{intent.Id}` is still under way in another process, or has just been settled", "see `sluice status`");
}
