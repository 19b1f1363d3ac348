using System.CommandLine;
using Sluice.Caching;
using Sluice.Cli.Views;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache prune</c>: deletes entries.</summary>
internal static class PruneCommand
{
    public static Command Create()
    {
        var filter = new EntryFilter();
        var all = new Option<bool>("--all") { Description = "Delete everything; needed when no filter is given." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what would be deleted." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        var command = filter.On(new Command("prune", "Delete entries. Their answers have to be paid for again when they are asked for.") { all, dryRun, yes });
        command.SetAction((parsed, cancellationToken) =>
        {
            var wanted = filter.Read(parsed);
            RequireAim(wanted, parsed.GetValue(all));
            if (!parsed.GetValue(dryRun) && !parsed.GetValue(yes) && !IsAttended)
            {
                throw new SluiceException(ErrorKind.Usage, "nobody can be asked whether to delete: this is no terminal", "say --yes, or --dry-run to see what would be deleted");
            }

            return CacheCommand.WithStoreAsync(parsed, async store =>
            {
                using var progress = new CountProgress("counted", parsed.GetValue(CommonOptions.Quiet));
                var statistics = await CacheStatistics.CollectAsync(store, wanted, progress.Report, cancellationToken).ConfigureAwait(false);
                // What cannot be read is deleted too.
                var (count, bytes) = (statistics.Total.Responses + statistics.Damaged, statistics.Total.BodyBytes);
                progress.Clear();
                var isDone = false;
                if (count == 0)
                {
                    await CacheNames.RequireAsync(store, wanted, cancellationToken).ConfigureAwait(false);
                }
                else if (!parsed.GetValue(dryRun))
                {
                    isDone = parsed.GetValue(yes) || await AgreesAsync(count, bytes, cancellationToken).ConfigureAwait(false);
                }

                var deleted = isDone ? await store.DeleteAsync(wanted, cancellationToken).ConfigureAwait(false) : 0;
                Show(count, bytes, deleted, isDone, parsed.GetValue(CommonOptions.Json));
                if (deleted > 0 && parsed.GetValue(CacheCommand.Location) is null && await store.IsEmptyAsync(cancellationToken).ConfigureAwait(false))
                {
                    Terminal.Hint("an empty cache is taken for a lost one: `sluice doctor --repair` forgets the batches whose answers are gone, before the next `sluice run`");
                }

                return ExitCodes.Done;
            });
        });
        return command;
    }

    private static bool IsAttended => !Console.IsInputRedirected && !Console.IsErrorRedirected;

    private static void RequireAim(CacheFilter filter, bool all)
    {
        if (filter == CacheFilter.All != all)
        {
            throw all
                ? new SluiceException(ErrorKind.Usage, "--all and a filter contradict each other", "leave out one of them")
                : new SluiceException(ErrorKind.Usage, "nothing says what to delete", "give a filter, such as --older-than 30d or --model NAME, or say --all");
        }
    }

    private static async Task<bool> AgreesAsync(long count, long bytes, CancellationToken cancellationToken)
    {
        await Console.Error.WriteAsync($"delete {Numbers.Of(count, "response")} ({Numbers.Bytes(bytes)})? [y/N] ").ConfigureAwait(false);
        // Reading from a terminal cannot be cancelled; a signal must not wait for it.
        var answer = await Task.Run(Console.In.ReadLine, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);
        return answer?.Trim() is "y" or "Y" or "yes";
    }

    private static void Show(long count, long bytes, long deleted, bool isDone, bool json)
    {
        if (json)
        {
            JsonOut.Write(writer =>
            {
                writer.WriteNumber("matching", count);
                writer.WriteNumber("matching_bytes", bytes);
                writer.WriteNumber("deleted", deleted);
            });
            return;
        }

        Terminal.Print(isDone
            ? $"{Numbers.Of(deleted, "response")} deleted"
            : count == 0 ? "nothing to delete"
            : $"{Numbers.Of(count, "response")} ({Numbers.Bytes(bytes)}) would be deleted; nothing was");
        if (isDone)
        {
            Terminal.Hint("`sluice cache compact` gives their space back");
        }
    }
}
