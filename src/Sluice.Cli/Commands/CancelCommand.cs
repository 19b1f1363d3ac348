using System.CommandLine;
using Sluice.Cli.Views;
using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Cli.Commands;

/// <summary><c>cancel</c>: stops batches; what they have finished stays collectable.</summary>
internal static class CancelCommand
{
    public static Command Create()
    {
        var ids = new Argument<string[]>("batches") { Description = "Batch or intent ids, as `sluice status` shows them.", Arity = ArgumentArity.ZeroOrMore };
        var all = new Option<bool>("--all") { Description = "Cancel every open batch of the workspace." };
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

            var cancelled = new List<(Intent Intent, string What)>();
            foreach (var intent in open.Where(i => wanted.Length == 0 || wanted.Contains(i.Id) || wanted.Contains(i.BatchId)))
            {
                cancelled.Add((intent, await CancelAsync(session, intent, cancellationToken).ConfigureAwait(false)));
            }

            Show(cancelled, parsed.GetValue(CommonOptions.Json));
            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task<string> CancelAsync(Session session, Intent intent, CancellationToken cancellationToken)
    {
        switch (intent.State)
        {
            case IntentState.Spooling or IntentState.Sealed or IntentState.Uploaded:
                if (session.Ledger.TryOwn(intent) is not { } mine)
                {
                    return "left alone: another process is working on it";
                }

                if (!session.Ledger.Discard(mine))
                {
                    return "left alone: it has just been sent; cancel it once more";
                }

                Spool.Delete(session.Workspace.SpoolFolder, mine.Id);
                return "dropped: no batch was made of it";
            case IntentState.Creating or IntentState.Unknown:
                return "left alone: whether it was sent is not known yet; `sluice run` finds out";
            case IntentState.NeedsHuman:
                return $"left alone: {intent.Note}";
            default:
                try
                {
                    await session.Providers.Get(intent.Provider).Batch!.CancelAsync(intent.BatchId!, cancellationToken).ConfigureAwait(false);
                    return "cancelling: collect what it has finished with `sluice retrieve --wait`";
                }
                catch (ProviderException error)
                {
                    return $"not cancelled: {error.Error}; if it has ended, collect it with `sluice retrieve`";
                }
        }
    }

    private static void Show(List<(Intent Intent, string What)> cancelled, bool json)
    {
        if (json)
        {
            JsonOut.Write(writer =>
            {
                writer.WriteStartArray("batches");
                foreach (var (intent, what) in cancelled)
                {
                    writer.WriteStartObject();
                    writer.WriteString("intent", intent.Id);
                    writer.WriteString("batch", intent.BatchId);
                    writer.WriteString("result", what);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        foreach (var (intent, what) in cancelled)
        {
            Console.WriteLine($"{intent.BatchId ?? intent.Id}: {Terminal.Clean(what)}");
        }

        if (cancelled.Count == 0)
        {
            Console.WriteLine("no open batches");
        }
    }
}
