using System.CommandLine;
using Sluice.Caching;
using Sluice.Caching.Exchange;
using Sluice.Cli.Views;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache copy</c>: from store to store.</summary>
internal static class CopyCommand
{
    public static Command Create()
    {
        var filter = new EntryFilter();
        var to = new Option<string>("--to") { Description = "The store to copy into, made when it is not there: sqlite:FILE, jsonl:FOLDER, redis://HOST[:PORT][/DATABASE].", HelpName = "location", Required = true };
        var from = new Option<string?>("--from") { Description = "The store to copy from, as --cache; default: the workspace's.", HelpName = "location" };
        var command = filter.On(new Command("copy", "Copy entries into another store. What is there already stays; run it again to go on.") { to, from });
        command.SetAction((parsed, cancellationToken) =>
        {
            var (source, target) = (Source(parsed, from), parsed.GetValue(to)!);
            var stores = CacheCommand.Stores(parsed);
            return stores.AreSame(source, target)
                ? throw new SluiceException(ErrorKind.Usage, "--to is the store that is copied from", "name another one")
                : CopyAsync(parsed, filter.Read(parsed), stores, source, target, cancellationToken);
        });
        return command;
    }

    private static string? Source(ParseResult parsed, Option<string?> from) => (parsed.GetValue(from), parsed.GetValue(CacheCommand.Location)) switch
    {
        ({ }, { }) => throw new SluiceException(ErrorKind.Usage, "--from and --cache are the same here", "leave out one of them"),
        var (named, other) => named ?? other,
    };

    private static async Task<int> CopyAsync(ParseResult parsed, CacheFilter filter, CacheStores stores, string? from, string to, CancellationToken cancellationToken)
    {
        using var progress = new CountProgress("copied", parsed.GetValue(CommonOptions.Quiet));
        var source = stores.Existing(from);
        await using var _ = source.ConfigureAwait(false);
        var target = stores.Open(to);
        await using var __ = target.ConfigureAwait(false);
        var damage = new DamageCount();
        var copy = new CacheCopy(source, target) { Progress = progress.Report, Damaged = damage.Add };
        await copy.RunAsync(filter, cancellationToken).ConfigureAwait(false);
        progress.Clear();
        if (copy.Responses + damage.Count == 0)
        {
            await CacheNames.RequireAsync(source, filter, cancellationToken).ConfigureAwait(false);
        }

        if (parsed.GetValue(CommonOptions.Json))
        {
            JsonOut.Write(writer =>
            {
                writer.WriteString("to", target.Name);
                writer.WriteNumber("responses", copy.Responses);
                writer.WriteNumber("new", copy.New);
                writer.WriteNumber("damaged", damage.Count);
            });
        }
        else
        {
            Terminal.Print($"{target.Name}: {Numbers.Of(copy.Responses, "response")}, {Numbers.Count(copy.New)} of them new there{(damage.Count > 0 ? $"; {Numbers.Count(damage.Count)} damaged left out" : "")}");
        }

        return damage.ExitCode;
    }
}
