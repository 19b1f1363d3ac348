using System.CommandLine;
using Sluice.Caching;
using Sluice.Cli.Views;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache find</c>: entries whose response, or request, holds a text.</summary>
internal static class FindCommand
{
    public static Command Create()
    {
        var filter = new EntryFilter();
        var text = new Option<string>("--text") { Description = "What to look for in responses, and in requests where they are stored; any part of a text in them.", HelpName = "text", Required = true };
        var ignoreCase = new Option<bool>("--ignore-case", "-i") { Description = "Capital and small letters are the same." };
        var limit = ListCommand.Limit();
        var command = filter.On(new Command("find", "Find entries by what was asked or answered; reads every body.") { text, ignoreCase, limit });
        command.SetAction((parsed, cancellationToken) => CacheCommand.WithStoreAsync(parsed, store => DataStream.RunAsync(
            async output =>
            {
                var wanted = filter.Read(parsed);
                var search = parsed.GetValue(text) is { Length: > 0 } sought
                    ? new TextSearch(sought, parsed.GetValue(ignoreCase))
                    : throw new SluiceException(ErrorKind.Usage, "--text is empty", "say what to look for; `sluice cache ls` lists everything");
                var left = WholeNumber.Of(parsed, limit, 1) ?? long.MaxValue;
                var isJson = parsed.GetValue(CommonOptions.Json);
                var any = false;
                await foreach (var entry in store.ListAsync(wanted, withBodies: true, cancellationToken).ConfigureAwait(false))
                {
                    any = true;
                    if (Find(entry, search) is not var (where, excerpt))
                    {
                        continue;
                    }

                    if (isJson)
                    {
                        output.Json(writer =>
                        {
                            writer.Facts(entry);
                            writer.WriteString("found_in", where);
                            writer.WriteString("excerpt", excerpt);
                        });
                    }
                    else
                    {
                        output.Line($"{EntryView.Line(entry)}\n  {where}: {excerpt.ReplaceLineEndings(" ")}");
                    }

                    if (--left == 0)
                    {
                        return ExitCodes.Done;
                    }
                }

                await (any ? Task.CompletedTask : CacheNames.RequireAsync(store, wanted, cancellationToken)).ConfigureAwait(false);
                return ExitCodes.Done;
            },
            cancellationToken), cancellationToken));
        return command;
    }

    private static (string Where, string Excerpt)? Find(StoredResponse entry, TextSearch search) =>
        entry.Body is { } body && search.Find(body) is { } answered ? ("response", answered)
        : entry.Request is { } request && search.Find(request) is { } asked ? ("request", asked)
        : null;
}
