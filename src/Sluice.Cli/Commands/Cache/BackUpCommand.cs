using System.CommandLine;
using Sluice.Caching;
using Sluice.Caching.Exchange;
using Sluice.Cli.Views;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache backup</c>: the whole cache as one new SQLite file, while others go on.</summary>
internal static class BackUpCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "A new file; `--cache sqlite:FILE` looks into it." };
        var command = new Command("backup", "Copy the whole cache into a new SQLite file, while others read and write.") { file };
        command.SetAction((parsed, cancellationToken) => CacheCommand.WithStoreAsync(parsed, async store =>
        {
            var target = Path.GetFullPath(parsed.GetValue(file)!);
            if (Path.Exists(target))
            {
                throw new SluiceException(ErrorKind.Usage, $"{target} exists already", "name a file that does not exist");
            }

            var damage = new DamageCount();
            try
            {
                await BackUpAsync(store, target, damage, parsed.GetValue(CommonOptions.Quiet), cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                // Half a backup must not be taken for a whole one.
                Drop(target);
                throw;
            }

            var bytes = new FileInfo(target).Length;
            if (parsed.GetValue(CommonOptions.Json))
            {
                JsonOut.Write(writer =>
                {
                    writer.WriteString("file", target);
                    writer.WriteNumber("bytes", bytes);
                    writer.WriteNumber("damaged", damage.Count);
                });
            }
            else
            {
                Terminal.Print($"{target}: {Numbers.Bytes(bytes)}");
            }

            return damage.ExitCode;
        }));
        return command;
    }

    private static async Task BackUpAsync(ICacheStore store, string target, DamageCount damage, bool quiet, CancellationToken cancellationToken)
    {
        if (store is SqliteResponseCache sqlite)
        {
            sqlite.BackUp(target);
            return;
        }

        using var progress = new CountProgress("copied", quiet);
        var backup = new SqliteResponseCache(target, TimeProvider.System);
        await using var _ = backup.ConfigureAwait(false);
        await new CacheCopy(store, backup) { Progress = progress.Report, Damaged = damage.Add }.RunAsync(CacheFilter.All, cancellationToken).ConfigureAwait(false);
    }

    private static void Drop(string target)
    {
        foreach (var part in (string[])["-wal", "-shm", ""])
        {
            File.Delete(target + part);
        }
    }
}
