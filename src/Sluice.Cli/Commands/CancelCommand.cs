using System.CommandLine;
using Sluice.Cli.Views;
using Sluice.Dispatch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Storage;

namespace Sluice.Cli.Commands;

/// <summary><c>cancel</c>: stops batches; what they have finished stays collectable.</summary>
internal static class CancelCommand
{
    public static Command Create()
    {
        var ids = new Argument<string[]>("batches") { Description = "Batch or intent ids, as `sluice status` shows them.", Arity = ArgumentArity.ZeroOrMore };
        var all = new Option<bool>("--all") { Description = "Cancel every open batch that this workspace has made." };
        var command = new Command("cancel", "Ask the provider to stop batches, drop unsent ones. Finished answers are kept: `sluice retrieve` collects them.") { ids, all };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var session = new Session(parsed.GetValue(CommonOptions.Workspace)!);
            await using var _ = session.ConfigureAwait(false);
            var wanted = parsed.GetValue(ids)!;
            if (wanted.Length == 0 && !parsed.GetValue(all))
            {
                throw new SluiceException(ErrorKind.Usage, "nothing to cancel is named", "name batches as `sluice status` shows them, or say --all");
            }

            var open = session.ExistingLedger?.Open() ?? [];
            var unknown = wanted.Where(id => !open.Any(i => i.Id == id || i.BatchId == id)).ToList();
            if (unknown.Count > 0)
            {
                throw new SluiceException(ErrorKind.Usage, $"no open batch is called {string.Join(", ", unknown.Select(id => $"`{id}`"))}", "see `sluice status`");
            }

            var cancelled = new List<(Intent Intent, bool Done, string What)>();
            foreach (var intent in open.Where(i => wanted.Length == 0 || wanted.Contains(i.Id) || wanted.Contains(i.BatchId)))
            {
                var (done, what) = wanted.Length == 0 && intent.IsAdopted
                    ? (false, "left alone: `sluice adopt` has found it in the provider's list, and another workspace may wait for it; name it to cancel it")
                    : await CancelAsync(session, intent, cancellationToken).ConfigureAwait(false);
                cancelled.Add((intent, done, what));
            }

            var others = cancelled.Exists(c => c.Done) ? session.Ledger.OthersAtWork() : [];
            Show(cancelled, others, parsed.GetValue(CommonOptions.Json));
            return cancelled.TrueForAll(c => c.Done) ? ExitCodes.Done : ExitCodes.Incomplete;
        });
        return command;
    }

    /// <summary>Cancels one batch; says whether that is done, or asked for, and what has become of it.</summary>
    private static async Task<(bool Done, string What)> CancelAsync(Session session, Intent intent, CancellationToken cancellationToken)
    {
        switch (intent.State)
        {
            case IntentState.Spooling or IntentState.Sealed or IntentState.Uploaded:
                if (session.Ledger.TryOwn(intent) is not { } mine)
                {
                    return (false, "left alone: another process is working on it");
                }

                return session.Ledger.Drop(mine, session.Workspace.SpoolFolder)
                    ? (true, "dropped: no batch was made of it")
                    : (false, "left alone: it has just been sent; cancel it once more");
            case IntentState.Creating or IntentState.Unknown:
                return (false, "left alone: whether it was sent is not known yet; `sluice run` finds out");
            case IntentState.NeedsHuman:
                return (false, $"left alone: {intent.Note}");
            case IntentState.Submitted when intent.IsProvisional:
                return (false, "left alone: it is not proven to be ours, only its size and time agree, and it may be another's. Wait for its results, or cancel it at the provider");
            default:
                var provider = session.Providers.Get(intent.Provider);
                try
                {
                    provider.EnsureCredentials();
                    CrashPoint.Hit("provider.cancel.before");
                    await provider.Batch!.CancelAsync(intent.BatchId!, cancellationToken).ConfigureAwait(false);
                    CrashPoint.Hit("provider.cancel.after");
                    return (true, "cancelling: collect what it has finished with `sluice retrieve --wait`");
                }
                catch (SluiceException error)
                {
                    // Those of other accounts are cancelled all the same.
                    return (false, $"not cancelled: {error.Message}; {error.Hint}");
                }
                catch (ProviderException error)
                {
                    return (false, AccountTrouble.Of(provider, error.Error) is { } trouble ? $"not cancelled: {trouble.Message}; {trouble.Hint}" : $"not cancelled: {error.Error}; {(error.Status is 404 or 410 ? AccountTrouble.StrangerTo(intent, provider) : null) ?? "if it has ended, collect it with `sluice retrieve`"}");
                }
        }
    }

    private static void Show(List<(Intent Intent, bool Done, string What)> cancelled, IReadOnlyList<string> others, bool json)
    {
        if (json)
        {
            JsonOut.Write(writer =>
            {
                writer.WriteStartArray("batches");
                foreach (var (intent, done, what) in cancelled)
                {
                    writer.WriteStartObject();
                    writer.WriteString("intent", intent.Id);
                    writer.WriteString("batch", intent.BatchId);
                    writer.WriteBoolean("cancelled", done);
                    writer.WriteString("result", what);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
                writer.WriteStartArray("at_work");
                others.ToList().ForEach(writer.WriteStringValue);
                writer.WriteEndArray();
            });
            return;
        }

        foreach (var (intent, _, what) in cancelled)
        {
            Console.WriteLine($"{intent.BatchId ?? intent.Id}: {Terminal.Clean(what)}");
        }

        if (cancelled.Count == 0)
        {
            Console.WriteLine("no open batches");
        }

        if (others.Count > 0)
        {
            Terminal.Warning($"{string.Join(", ", others)} {(others.Count == 1 ? "is" : "are")} at work in this workspace: a `run` or `submit` sends the cancelled requests again. Stop it first (Ctrl-C), then cancel");
        }
    }
}
