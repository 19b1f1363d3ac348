using System.CommandLine;
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
            var damage = new DamageCount();
            using (var progress = new CountProgress("copied", parsed.GetValue(CommonOptions.Quiet)))
            {
                await new CacheBackup(store, TimeProvider.System) { Progress = progress.Report, Damaged = damage.Add }.WriteAsync(target, cancellationToken).ConfigureAwait(false);
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
        }, cancellationToken));
        return command;
    }
}
