using System.CommandLine;
using Sluice.Caching;
using Sluice.Cli.Views;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache ls</c>: a line for each entry, as it is met.</summary>
internal static class ListCommand
{
    public static Command Create()
    {
        var filter = new EntryFilter();
        var limit = Limit();
        var command = filter.On(new Command("ls", "List entries: key, time, bytes, tokens in and out, provider, model, source.") { limit });
        command.SetAction((parsed, cancellationToken) => CacheCommand.WithStoreAsync(parsed, store => DataStream.RunAsync(
            async output =>
            {
                var wanted = filter.Read(parsed);
                var left = WholeNumber.Of(parsed, limit, 1) ?? long.MaxValue;
                var isJson = parsed.GetValue(CommonOptions.Json);
                var found = 0L;
                await foreach (var entry in store.ListAsync(wanted, withBodies: false, cancellationToken).ConfigureAwait(false))
                {
                    if (isJson)
                    {
                        output.Json(writer => writer.Facts(entry));
                    }
                    else
                    {
                        output.Line(EntryView.Line(entry));
                    }

                    if (++found == left)
                    {
                        return ExitCodes.Done;
                    }
                }

                await (found == 0 ? CacheNames.RequireAsync(store, wanted, cancellationToken) : Task.CompletedTask).ConfigureAwait(false);
                return ExitCodes.Done;
            },
            cancellationToken), cancellationToken));
        return command;
    }

    /// <summary>Makes the option that ends a listing early.</summary>
    public static Option<string?> Limit() => new("--limit") { Description = "At most so many.", HelpName = "n" };
}
