using System.CommandLine;
using Sluice.Caching;
using Sluice.Caching.Exchange;
using Sluice.Cli.Views;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache export</c>: entries as lines of JSON.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var filter = new EntryFilter();
        var file = new Argument<string?>("file") { Description = "A new file, compressed when it ends in .gz or .zst; without one, or with -, stdout.", Arity = ArgumentArity.ZeroOrOne };
        var command = filter.On(new Command("export", "Write entries as lines of JSON, which `import` and jq read.") { file });
        command.SetAction((parsed, cancellationToken) => CacheCommand.WithStoreAsync(parsed, async store =>
        {
            using var progress = new CountProgress("exported", parsed.GetValue(CommonOptions.Quiet));
            var damage = new DamageCount();
            var wanted = filter.Read(parsed);
            var export = new CacheExport(store, wanted) { Progress = progress.Report, Damaged = damage.Add };
            if (parsed.GetValue(file) is not { } path || path == "-")
            {
                return await DataStream.RunAsync(
                    async output =>
                    {
                        await export.WriteAsync(output.Stream, cancellationToken).ConfigureAwait(false);
                        await RequireAnyAsync(store, wanted, export, damage, cancellationToken).ConfigureAwait(false);
                        return damage.ExitCode;
                    },
                    cancellationToken).ConfigureAwait(false);
            }

            await export.WriteAsync(path, () => RequireAnyAsync(store, wanted, export, damage, cancellationToken), cancellationToken).ConfigureAwait(false);
            progress.Clear();
            Show(path, export.Responses, damage.Count, parsed.GetValue(CommonOptions.Json));
            return damage.ExitCode;
        }, cancellationToken));
        return command;
    }

    /// <summary>Tells nothing to export from a name that is not there.</summary>
    private static Task RequireAnyAsync(ICacheStore store, CacheFilter filter, CacheExport export, DamageCount damage, CancellationToken cancellationToken) =>
        export.Responses + damage.Count == 0 ? CacheNames.RequireAsync(store, filter, cancellationToken) : Task.CompletedTask;

    private static void Show(string path, long responses, long damaged, bool json)
    {
        if (json)
        {
            JsonOut.Write(writer =>
            {
                writer.WriteString("file", Path.GetFullPath(path));
                writer.WriteNumber("responses", responses);
                writer.WriteNumber("damaged", damaged);
            });
            return;
        }

        Terminal.Print($"{path}: {Numbers.Of(responses, "response")}{(damaged > 0 ? $"; {Numbers.Count(damaged)} damaged left out" : "")}");
    }
}
