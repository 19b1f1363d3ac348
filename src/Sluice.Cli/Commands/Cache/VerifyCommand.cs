using System.CommandLine;
using Sluice.Caching;
using Sluice.Cli.Views;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache verify</c>: reads every body and compares it with its checksum.</summary>
internal static class VerifyCommand
{
    private const int MostInJson = 10_000;

    public static Command Create()
    {
        var filter = new EntryFilter();
        var command = filter.On(new Command("verify", "Read every response and check it against its checksum; names each damaged one."));
        command.SetAction((parsed, cancellationToken) => CacheCommand.WithStoreAsync(parsed, async store =>
        {
            using var progress = new CountProgress("verified", parsed.GetValue(CommonOptions.Quiet));
            var isJson = parsed.GetValue(CommonOptions.Json);
            long responses = 0, damaged = 0;
            var named = new List<StoredResponse>();
            await foreach (var entry in store.ListAsync(filter.Read(parsed), withBodies: true, cancellationToken).ConfigureAwait(false))
            {
                progress.Report(++responses);
                if (entry.Problem is null)
                {
                    continue;
                }

                damaged++;
                if (isJson && named.Count < MostInJson)
                {
                    named.Add(entry with { Request = null });
                }
                else if (!isJson)
                {
                    progress.Clear();
                    Terminal.Print($"{entry.Key}  {entry.Origin.Provider}  {entry.Origin.Model}  {entry.Origin.Source}: {entry.Problem}");
                }
            }

            progress.Clear();
            Show(store, responses, damaged, named, isJson);
            return damaged == 0 ? ExitCodes.Done : ExitCodes.Incomplete;
        }, cancellationToken));
        return command;
    }

    private static void Show(ICacheStore store, long responses, long damaged, List<StoredResponse> named, bool isJson)
    {
        if (isJson)
        {
            JsonOut.Write(writer =>
            {
                writer.WriteNumber("responses", responses);
                writer.WriteNumber("damaged", damaged);
                writer.WriteStartArray("entries");
                foreach (var entry in named)
                {
                    writer.WriteStartObject();
                    writer.Facts(entry);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        Terminal.Print(damaged == 0 ? $"{Numbers.Of(responses, "response")}, all as they were stored" : $"{Numbers.Of(responses, "response")}, {Numbers.Count(damaged)} of them damaged");
        if (damaged > 0)
        {
            Terminal.Hint(store is SqliteResponseCache
                ? "`sluice doctor --repair` saves what is sound; the damaged ones are asked for again. `sluice cache prune --key=KEY` deletes a single one"
                : "what is damaged is never given out: `sluice cache prune --key=KEY` deletes it, and it is asked for again");
        }
    }
}
