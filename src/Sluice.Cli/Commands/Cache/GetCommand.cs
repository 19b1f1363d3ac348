using System.CommandLine;
using Sluice.Caching;
using Sluice.Caching.Exchange;
using Sluice.Cli.Views;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache get</c>: everything that is stored under a key.</summary>
internal static class GetCommand
{
    public static Command Create()
    {
        var key = new Argument<string>("key") { Description = "A key, or its first 6 characters or more. Write `--` before one that begins with a dash." };
        var command = new Command("get", "Show an entry: its facts, the request where it is stored, the response.") { key };
        command.SetAction((parsed, cancellationToken) => CacheCommand.WithStoreAsync(parsed, store => DataStream.RunAsync(
            async output =>
            {
                var entry = await KeySearch.FindAsync(store, parsed.GetValue(key)!, cancellationToken).ConfigureAwait(false);
                Show(output, entry, parsed.GetValue(CommonOptions.Json));
                return entry.Problem is null ? ExitCodes.Done : ExitCodes.Incomplete;
            },
            cancellationToken), cancellationToken));
        return command;
    }

    private static void Show(DataStream output, StoredResponse entry, bool isJson)
    {
        if (!isJson)
        {
            foreach (var part in EntryView.Whole(entry))
            {
                output.Line(part);
            }
        }
        else if (entry.Body is null)
        {
            output.Json(writer => writer.Facts(entry));
        }
        else
        {
            output.Raw(line => CacheExport.WriteLine(line, entry));
        }
    }
}
