using System.CommandLine;
using Sluice.Caching;
using Sluice.Cli.Views;
using Sluice.Ledger;
using Sluice.Recovery;
using Sluice.Sweeps;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache prune</c>: deletes entries.</summary>
internal static class PruneCommand
{
    // So many are held against the results of the workspace, some 20 MB. Where more are deleted, nothing of it is missed.
    private const int MostKeys = 250_000;

    public static Command Create()
    {
        var filter = new EntryFilter();
        var all = new Option<bool>("--all") { Description = "Delete everything; needed when no filter is given." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what would be deleted." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        var key = new Option<string[]>("--key") { Description = "Delete the entry of this key, or of how it begins, as `get` finds it; may be given again. Write --key=KEY for one that begins with a dash.", HelpName = "key" };
        var command = filter.On(new Command("prune", "Delete entries. Their answers have to be paid for again when they are asked for.") { key, all, dryRun, yes });
        command.SetAction((parsed, cancellationToken) =>
        {
            var wanted = filter.Read(parsed);
            var keys = parsed.GetValue(key) ?? [];
            RequireAim(wanted, parsed.GetValue(all), keys);
            if (!parsed.GetValue(dryRun) && !parsed.GetValue(yes) && !IsAttended)
            {
                throw new SluiceException(ErrorKind.Usage, "nobody can be asked whether to delete: this is no terminal", "say --yes, or --dry-run to see what would be deleted");
            }

            return CacheCommand.WithStoreAsync(parsed, async store =>
            {
                var named = await FindAsync(store, keys, cancellationToken).ConfigureAwait(false);
                var total = keys.Length > 0 ? new Matching(named.Count, named.Sum(n => n.Size)) : await CountAsync(store, wanted, parsed.GetValue(CommonOptions.Quiet), cancellationToken).ConfigureAwait(false);
                var isDone = false;
                if (total.Responses == 0)
                {
                    await CacheNames.RequireAsync(store, wanted, cancellationToken).ConfigureAwait(false);
                }
                else if (!parsed.GetValue(dryRun))
                {
                    isDone = parsed.GetValue(yes) || await AgreesAsync(total, cancellationToken).ConfigureAwait(false);
                }

                var isOwn = CacheCommand.Stores(parsed).AreSame(parsed.GetValue(CacheCommand.Location), null);
                if (isDone && isOwn)
                {
                    await ForgetAsync(new Workspace(parsed.GetValue(CommonOptions.Workspace)!), store, wanted, named, cancellationToken).ConfigureAwait(false);
                }

                var deleted = !isDone ? 0
                    : keys.Length > 0 ? await RemoveAsync(store, named, cancellationToken).ConfigureAwait(false)
                    : await store.DeleteAsync(wanted, cancellationToken).ConfigureAwait(false);
                Show(total, deleted, isDone, parsed.GetValue(CommonOptions.Json));
                if (deleted > 0 && isOwn && await store.IsEmptyAsync(cancellationToken).ConfigureAwait(false))
                {
                    Terminal.Hint("an empty cache is taken for a lost one: `sluice doctor --forget` forgets that those answers were paid for; do that before the next `sluice run`");
                }

                return ExitCodes.Done;
            }, cancellationToken);
        });
        return command;
    }

    /// <summary>Before anything is deleted: the results that rest on it shall not be taken for all that is left of lost answers.</summary>
    private static async Task ForgetAsync(Workspace workspace, ICacheStore store, CacheFilter wanted, IReadOnlyList<StoredResponse> named, CancellationToken cancellationToken)
    {
        if (!SweepManifest.Sweeps(workspace).Any(sweep => LostResults.HasResults(workspace, sweep)))
        {
            return;
        }

        using var ledger = new LedgerStore(workspace.LedgerPath, TimeProvider.System);
        LostResults.Remember(workspace, ledger);
        var keys = named.Select(n => n.Key).ToHashSet();
        if (keys.Count == 0 && wanted != CacheFilter.All)
        {
            await foreach (var entry in store.ListAsync(wanted, withBodies: false, cancellationToken).ConfigureAwait(false))
            {
                keys.Add(entry.Key);
                if (keys.Count > MostKeys)
                {
                    break;
                }
            }
        }

        if (keys.Count is 0 or > MostKeys)
        {
            LostResults.Forget(workspace, ledger);
        }
        else
        {
            await LostResults.ForgetAsync(workspace, ledger, keys.Contains, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool IsAttended => !Console.IsInputRedirected && !Console.IsErrorRedirected;

    private static void RequireAim(CacheFilter filter, bool all, string[] keys)
    {
        if (keys.Length > 0)
        {
            if (all || filter != CacheFilter.All)
            {
                throw new SluiceException(ErrorKind.Usage, "--key names entries, and --all or a filter means others", "leave out one of them");
            }

            return;
        }

        if (filter == CacheFilter.All != all)
        {
            throw all
                ? new SluiceException(ErrorKind.Usage, "--all and a filter contradict each other", "leave out one of them")
                : new SluiceException(ErrorKind.Usage, "nothing says what to delete", "give a filter, such as --older-than 30d or --model NAME, or say --all");
        }
    }

    /// <summary>Finds what keys name, before any of it is deleted: one that is not there is a slip.</summary>
    private static async Task<IReadOnlyList<StoredResponse>> FindAsync(ICacheStore store, string[] keys, CancellationToken cancellationToken)
    {
        var found = new List<StoredResponse>(keys.Length);
        foreach (var key in keys)
        {
            found.Add(await KeySearch.FindAsync(store, key, cancellationToken).ConfigureAwait(false) with { Body = null, Request = null });
        }

        return [.. found.DistinctBy(f => f.Key)];
    }

    private static async Task<Matching> CountAsync(ICacheStore store, CacheFilter filter, bool quiet, CancellationToken cancellationToken)
    {
        using var progress = new CountProgress("counted", quiet);
        var statistics = await CacheStatistics.CollectAsync(store, filter, progress.Report, cancellationToken).ConfigureAwait(false);
        progress.Clear();
        // What cannot be read is deleted too.
        return new Matching(statistics.Total.Responses + statistics.Damaged, statistics.Total.BodyBytes);
    }

    private static async Task<long> RemoveAsync(ICacheStore store, IReadOnlyList<StoredResponse> entries, CancellationToken cancellationToken)
    {
        long deleted = 0;
        foreach (var entry in entries)
        {
            deleted += await store.RemoveAsync(entry.Key, cancellationToken).ConfigureAwait(false) ? 1 : 0;
        }

        return deleted;
    }

    private static async Task<bool> AgreesAsync(Matching total, CancellationToken cancellationToken)
    {
        await Console.Error.WriteAsync($"delete {Numbers.Of(total.Responses, "response")} ({Numbers.Bytes(total.Bytes)})? [y/N] ").ConfigureAwait(false);
        // Reading from a terminal cannot be cancelled; a signal must not wait for it.
        var answer = await Task.Run(Console.In.ReadLine, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);
        return answer?.Trim() is "y" or "Y" or "yes";
    }

    private static void Show(Matching total, long deleted, bool isDone, bool json)
    {
        if (json)
        {
            JsonOut.Write(writer =>
            {
                writer.WriteNumber("matching", total.Responses);
                writer.WriteNumber("matching_bytes", total.Bytes);
                writer.WriteNumber("deleted", deleted);
            });
            return;
        }

        Terminal.Print(isDone
            ? $"{Numbers.Of(deleted, "response")} deleted"
            : total.Responses == 0 ? "nothing to delete"
            : $"{Numbers.Of(total.Responses, "response")} ({Numbers.Bytes(total.Bytes)}) would be deleted; nothing was");
        if (isDone)
        {
            Terminal.Hint("`sluice cache compact` gives their space back");
        }
    }

    /// <summary>What is to be deleted: how many entries, and how large their bodies are together.</summary>
    private readonly record struct Matching(long Responses, long Bytes);
}
