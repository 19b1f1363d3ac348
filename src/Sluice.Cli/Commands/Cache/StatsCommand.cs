using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Sluice.Caching;
using Sluice.Cli.Views;
using Spectre.Console;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache stats</c>: what the cache holds, by provider and model.</summary>
internal static class StatsCommand
{
    public static Command Create()
    {
        var filter = new EntryFilter();
        var command = filter.On(new Command("stats", "Count what the cache holds, by provider and model."));
        command.SetAction((parsed, cancellationToken) => CacheCommand.WithStoreAsync(parsed, async store =>
        {
            using var progress = new CountProgress("counted", parsed.GetValue(CommonOptions.Quiet));
            var wanted = filter.Read(parsed);
            var statistics = await CacheStatistics.CollectAsync(store, wanted, progress.Report, cancellationToken).ConfigureAwait(false);
            progress.Clear();
            if (statistics.Total.Responses + statistics.Damaged == 0)
            {
                await CacheNames.RequireAsync(store, wanted, cancellationToken).ConfigureAwait(false);
            }

            if (parsed.GetValue(CommonOptions.Json))
            {
                Json(store, statistics);
            }
            else
            {
                Show(store, statistics);
            }

            if (await CacheStores.FindEvictionAsync(store, cancellationToken).ConfigureAwait(false) is { } problem)
            {
                Terminal.Warning($"{store.Name}: {problem}");
                Terminal.Hint(RedisAccess.KeepAdvice);
            }

            return ExitCodes.Done;
        }, cancellationToken));
        return command;
    }

    private static void Show(ICacheStore store, CacheStatistics statistics)
    {
        var total = statistics.Total;
        if (statistics.Models.Count > 0)
        {
            var table = new Table().Border(TableBorder.Rounded).AddColumn("provider").AddColumn("model");
            foreach (var name in (string[])["responses", "batch", "live", "bodies", "tokens in", "tokens out", "oldest", "newest"])
            {
                table.AddColumn(new TableColumn(name).RightAligned());
            }

            foreach (var model in statistics.Models)
            {
                table.AddRow(
                    new Text(Terminal.Clean(model.Provider)), new Text(Terminal.Clean(model.Model)), Cell(model.Responses), Cell(model.Batch), Cell(model.Responses - model.Batch),
                    new Text(Numbers.Bytes(model.BodyBytes)), Cell(model.Usage.Input), Cell(model.Usage.Output), new Text(Day(model.Oldest)), new Text(Day(model.Newest)));
            }

            Terminal.Out.Write(table);
        }

        Terminal.Print($"{Numbers.Of(total.Responses, "response")}, {Numbers.Bytes(total.BodyBytes)} of bodies; {store.Name} takes {Numbers.Bytes(statistics.StoredBytes)}");
        if (statistics.Damaged > 0)
        {
            Terminal.Print($"{Numbers.Of(statistics.Damaged, "response")} more cannot be read: `sluice cache verify` names them");
        }
    }

    private static Text Cell(long number) => new(Numbers.Count(number));

    private static string Day(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "-";

    private static void Json(ICacheStore store, CacheStatistics statistics) => JsonOut.Write(writer =>
    {
        writer.WriteString("store", store.Name);
        writer.WriteNumber("stored_bytes", statistics.StoredBytes);
        Figures(writer, statistics.Total);
        writer.WriteNumber("damaged", statistics.Damaged);
        writer.WriteStartArray("models");
        foreach (var model in statistics.Models)
        {
            writer.WriteStartObject();
            writer.WriteString("provider", model.Provider);
            writer.WriteString("model", model.Model);
            Figures(writer, model);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static void Figures(Utf8JsonWriter writer, ModelStatistics figures)
    {
        writer.WriteNumber("responses", figures.Responses);
        writer.WriteNumber("batch", figures.Batch);
        writer.WriteNumber("live", figures.Responses - figures.Batch);
        writer.WriteNumber("body_bytes", figures.BodyBytes);
        writer.WriteNumber("input_tokens", figures.Usage.Input);
        writer.WriteNumber("output_tokens", figures.Usage.Output);
        writer.WriteString("oldest", EntryView.Stamp(figures.Oldest));
        writer.WriteString("newest", EntryView.Stamp(figures.Newest));
    }
}
