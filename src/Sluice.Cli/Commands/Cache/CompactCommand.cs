using System.CommandLine;
using Sluice.Cli.Views;
using Sluice.Ledger;
using Sluice.Sweeps;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache compact</c>: writes the store anew, as small as it can be.</summary>
internal static class CompactCommand
{
    public static Command Create()
    {
        var force = new Option<bool>("--force") { Description = "Compact although other processes work in the workspace: they wait, and make no calls, until it is done." };
        var command = new Command("compact", "Write the store anew, as small as it can be: compressed where the store can, and without gaps.") { force };
        command.SetAction((parsed, cancellationToken) => CacheCommand.WithStoreAsync(parsed, async store =>
        {
            RequireRest(parsed, parsed.GetValue(force));
            if (!parsed.GetValue(CommonOptions.Quiet))
            {
                Terminal.Line($"compacting {store.Name}");
            }

            var before = await store.StoredBytesAsync(cancellationToken).ConfigureAwait(false);
            await store.CompactAsync(cancellationToken).ConfigureAwait(false);
            var after = await store.StoredBytesAsync(cancellationToken).ConfigureAwait(false);
            if (parsed.GetValue(CommonOptions.Json))
            {
                JsonOut.Write(writer =>
                {
                    writer.WriteNumber("bytes_before", before);
                    writer.WriteNumber("bytes_after", after);
                });
            }
            else
            {
                Terminal.Print($"{store.Name}: {Numbers.Bytes(after)}; it was {Numbers.Bytes(before)}");
            }

            return ExitCodes.Done;
        }, cancellationToken));
        return command;
    }

    /// <summary>The store is locked for as long as it is written anew, minutes for a large one: processes that are at work in the workspace could store nothing.</summary>
    private static void RequireRest(ParseResult parsed, bool force)
    {
        var workspace = new Workspace(parsed.GetValue(CommonOptions.Workspace)!);
        if (!CacheCommand.Stores(parsed).AreSame(parsed.GetValue(CacheCommand.Location), null) || !File.Exists(workspace.LedgerPath))
        {
            return;
        }

        using var ledger = new LedgerStore(workspace.LedgerPath, TimeProvider.System);
        if (ledger.OthersAtWork() is not { Count: > 0 } others)
        {
            return;
        }

        var problem = $"other processes work in this workspace: {string.Join(", ", others)}; they could store no answers while the cache is compacted";
        if (!force)
        {
            throw new SluiceException(ErrorKind.Usage, problem, "wait for them or stop them; with --force they wait, keep the answers that arrive beside the cache, and make no calls until it is done");
        }

        Terminal.Warning(problem);
    }
}
