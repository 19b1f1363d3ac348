using System.CommandLine;
using Sluice.Cli.Views;
using Sluice.Sweeps;
using Spectre.Console;

namespace Sluice.Cli.Commands;

/// <summary><c>plan</c>: what would be sent and what it would cost. Free and offline.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var sweep = CommonOptions.Sweep("The sweep that it would be, as for `run`: its folder below runs/.");
        var retry = CommonOptions.RetryFailed();
        var refresh = CommonOptions.Refresh();
        var command = new Command("plan", "Show what would be sent and what it would cost; sends nothing, needs no key.") { sweep, retry, refresh };
        var configs = new ConfigArguments(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var session = new Session(parsed.GetValue(CommonOptions.Workspace)!);
            await using var _ = session.ConfigureAwait(false);
            if (configs.View(parsed) is { } wanted)
            {
                session.Show(configs.Request(parsed), wanted, parsed.GetValue(CommonOptions.Json), cancellationToken);
                return ExitCodes.Done;
            }

            var plans = await session.PlanAsync(configs.Request(parsed), parsed.GetValue(refresh), cancellationToken).ConfigureAwait(false);
            var name = SweepName.Of(parsed.GetValue(sweep), plans);
            session.WarnOfTakenFolders(name, plans);
            SweepPlan plan;
            using (var view = new RunView(parsed.GetValue(CommonOptions.Quiet), session.Time))
            {
                view.Start();
                plan = await SweepPlan.MakeAsync(
                    plans, name, session.Workspace, session.Providers, session.ExistingCache, session.ExistingLedger, parsed.GetValue(retry), view.Observe, cancellationToken).ConfigureAwait(false);
            }

            await session.WarnOfLossAsync(cancellationToken).ConfigureAwait(false);
            if (parsed.GetValue(CommonOptions.Json))
            {
                Json(plan);
            }
            else
            {
                Table(plan);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static void Table(SweepPlan plan)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("experiment");
        foreach (var name in (string[])["samples", "cached", "in flight", "to send", "shared", "later", "failed", "tokens in", "out", "batch", "live"])
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (var e in plan.Experiments)
        {
            table.AddRow([
                new Text(e.Plan.Experiment.Name), .. ((long[])[e.Samples, e.Cached, e.InFlight, e.ToSend, e.Shared, e.Later, e.Failed]).Select(n => new Text(Numbers.Count(n))),
                new Text("~" + Numbers.Count(e.Tokens.Input)), new Text("~" + Numbers.Count(e.Tokens.Output)), new Text(Numbers.Money(e.BatchUsd)), new Text(Numbers.Money(e.LiveUsd))]);
        }

        Terminal.Out.Write(table);
        var toSend = plan.Experiments.Sum(e => e.ToSend);
        Terminal.Out.WriteLine($"to send: {Numbers.Of(toSend, "request")} in {Numbers.Of(plan.Batches, "batch")}; estimated cost {Numbers.Money(Total(plan, e => e.BatchUsd))} as batches, {Numbers.Money(Total(plan, e => e.LiveUsd))} live");
        if (plan.Experiments.Sum(e => e.UnsentRequests) is var unsent and > 0)
        {
            Terminal.Out.WriteLine($"in flight, but not sent yet: {Numbers.Of(unsent, "request")} of batches that an earlier command has written; estimated cost {Numbers.Money(Total(plan, e => e.UnsentUsd))}");
        }

        if (plan.Experiments.Any(e => e.Later > 0))
        {
            Terminal.Out.WriteLine("later: requests of later steps, which depend on answers that are not there yet; not in the estimate");
        }

        if (plan.Experiments.Any(e => e.SkippedRecords > 0))
        {
            Terminal.Out.WriteLine($"skipped: {Numbers.Of(plan.Experiments.Sum(e => e.SkippedRecords), "broken record")}");
        }

        foreach (var e in plan.Experiments.Where(e => e.Plan.Experiment.BudgetUsd is { } budget && e.TotalUsd > budget))
        {
            Terminal.Out.WriteLine($"{e.Plan.Experiment.Name}: over its budget of {Numbers.Money(e.Plan.Experiment.BudgetUsd)}; `sluice run` would hold its requests back");
        }
    }

    private static void Json(SweepPlan plan) => JsonOut.Write(writer =>
    {
        writer.WriteStartObject("totals");
        writer.WriteNumber("samples", plan.Experiments.Sum(e => e.Samples));
        writer.WriteNumber("cached", plan.Experiments.Sum(e => e.Cached));
        writer.WriteNumber("in_flight", plan.Experiments.Sum(e => e.InFlight));
        writer.WriteNumber("unsent", plan.Experiments.Sum(e => e.UnsentRequests));
        writer.Number("unsent_usd", Total(plan, e => e.UnsentUsd));
        writer.WriteNumber("to_send", plan.Experiments.Sum(e => e.ToSend));
        writer.WriteNumber("later", plan.Experiments.Sum(e => e.Later));
        writer.WriteNumber("batches", plan.Batches);
        writer.Number("batch_usd", Total(plan, e => e.BatchUsd));
        writer.Number("live_usd", Total(plan, e => e.LiveUsd));
        writer.WriteEndObject();
        writer.WriteStartArray("experiments");
        foreach (var e in plan.Experiments)
        {
            writer.WriteStartObject();
            writer.WriteString("name", e.Plan.Experiment.Name);
            writer.WriteString("source", e.Plan.Experiment.Source);
            writer.WriteNumber("samples", e.Samples);
            writer.WriteNumber("cached", e.Cached);
            writer.WriteNumber("in_flight", e.InFlight);
            writer.WriteNumber("unsent", e.UnsentRequests);
            writer.Number("unsent_usd", e.UnsentUsd);
            writer.WriteNumber("to_send", e.ToSend);
            writer.WriteNumber("shared", e.Shared);
            writer.WriteNumber("later", e.Later);
            writer.WriteNumber("failed", e.Failed);
            writer.WriteNumber("skipped_records", e.SkippedRecords);
            writer.WriteNumber("input_tokens", e.Tokens.Input);
            writer.WriteNumber("output_tokens", e.Tokens.Output);
            writer.Number("batch_usd", e.BatchUsd);
            writer.Number("live_usd", e.LiveUsd);
            writer.Number("budget_usd", e.Plan.Experiment.BudgetUsd);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static double? Total(SweepPlan plan, Func<ExperimentForecast, double?> cost) => plan.Experiments.Aggregate((double?)0, (sum, e) => sum + cost(e));
}
