using System.Globalization;
using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Batches;
using Sluice.Simulator.Faults;
using Sluice.Simulator.Http;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Anthropic;

/// <summary>Answers <c>/v1/messages/batches</c>.</summary>
internal sealed class AnthropicBatches(SimulatorCore core)
{
    private const string Root = "/v1/messages/batches";
    private readonly AnthropicStore _store = core.Anthropic;

    public void Map(Routes routes)
    {
        routes.Map("POST", Root, Api.Anthropic, Operations.Create, CreateAsync);
        routes.Map("GET", Root, Api.Anthropic, Operations.List, ListAsync);
        routes.Map("GET", Root + "/{id}", Api.Anthropic, Operations.Get, GetAsync);
        routes.Map("GET", Root + "/{id}/results", Api.Anthropic, Operations.Results, ResultsAsync);
        routes.Map("POST", Root + "/{id}/cancel", Api.Anthropic, Operations.Cancel, CancelAsync);
        routes.Map("DELETE", Root + "/{id}", Api.Anthropic, Operations.Delete, DeleteAsync);
    }

    private async Task CreateAsync(Exchange exchange)
    {
        var id = Ids.Random("msgbatch_");
        var path = _store.RequestsPath(id);
        var reader = new RequestListReader(core.Options.Limits);
        var kept = false;
        try
        {
            var error = await reader.ReadAsync(exchange.Http.Request.Body, path, exchange.Aborted).ConfigureAwait(false);
            if (!await exchange.AdmitAsync(reader.FirstCustomId).ConfigureAwait(false))
            {
                return;
            }

            if (error is not null)
            {
                File.Delete(path);
                await exchange.FailAsync(error).ConfigureAwait(false);
                return;
            }

            var batch = _store.Batches.Add(sequence => new MessageBatch(id, sequence)
            {
                Total = reader.Count,
                CreatedAt = core.Options.TimeProvider.GetUtcNow(),
                Faults = exchange.BatchFaults,
                ListedFrom = exchange.BatchListedFrom,
            });
            kept = true;
            core.Stats.Anthropic.Uploaded(reader.Bytes);
            core.Stats.Anthropic.BatchCreated();
            core.Start(batch);
            await exchange.RespondAsync(json => Write(json, batch, exchange)).ConfigureAwait(false);
        }
        finally
        {
            if (!kept)
            {
                File.Delete(path);
            }
        }
    }

    private async Task ListAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        var request = exchange.Http.Request;
        if (Query.Limit(request, 20, 1000) is not { } limit)
        {
            await exchange.FailAsync(ApiError.Invalid("limit: Input should be between 1 and 1000")).ConfigureAwait(false);
            return;
        }

        // Newest first; before_id asks for the page of newer ones that ends just before that batch.
        var before = Query.Text(request, "before_id");
        var now = core.Options.TimeProvider.GetUtcNow();
        var page = _store.Batches.List(
            before ?? Query.Text(request, "after_id"), limit, newestFirst: before is null, batch => batch.ListedFrom is not { } from || from <= now);
        page = before is null ? page : page with { Items = [.. page.Items.Reverse()] };
        await exchange.RespondAsync(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("data"u8);
            foreach (var batch in page.Items)
            {
                Write(json, batch, exchange);
            }

            json.WriteEndArray();
            json.WriteBoolean("has_more"u8, page.HasMore);
            json.WriteString("first_id"u8, page.Items.Count == 0 ? null : page.Items[0].Id);
            json.WriteString("last_id"u8, page.Items.Count == 0 ? null : page.Items[^1].Id);
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private async Task GetAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        if (Look(exchange) is not { } batch)
        {
            await NotFoundAsync(exchange).ConfigureAwait(false);
            return;
        }

        if (!batch.HasEnded && core.Options.PollAfterSeconds is { } seconds)
        {
            exchange.Http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        await exchange.RespondAsync(json => Write(json, batch, exchange)).ConfigureAwait(false);
    }

    private async Task ResultsAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        var id = exchange.RouteValue("id");
        if (_store.Batches.Find(id) is not { } batch)
        {
            await NotFoundAsync(exchange).ConfigureAwait(false);
        }
        else if (!batch.HasEnded)
        {
            await exchange.FailAsync(new ApiError(404, "not_found_error", $"Batch {id} has no available results.")).ConfigureAwait(false);
        }
        else
        {
            await exchange.SendFileAsync(_store.ResultsPath(id), "application/x-jsonl").ConfigureAwait(false);
        }
    }

    private async Task CancelAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        var hadEnded = false;
        var batch = _store.Batches.Update(exchange.RouteValue("id"), now =>
        {
            hadEnded = now.HasEnded;
            return now.Status == "in_progress"
                ? now with { Status = "canceling", CancelInitiatedAt = core.Options.TimeProvider.GetUtcNow() }
                : now;
        });
        if (batch is null)
        {
            await NotFoundAsync(exchange).ConfigureAwait(false);
        }
        else if (hadEnded)
        {
            await exchange.FailAsync(ApiError.Invalid($"Batch {batch.Id} has ended and cannot be canceled.")).ConfigureAwait(false);
        }
        else
        {
            RuntimeOf(batch).Cancel();
            await exchange.RespondAsync(json => Write(json, batch, exchange)).ConfigureAwait(false);
        }
    }

    private async Task DeleteAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        var id = exchange.RouteValue("id");
        if (_store.Batches.Find(id) is not { } batch)
        {
            await NotFoundAsync(exchange).ConfigureAwait(false);
            return;
        }

        if (!batch.HasEnded)
        {
            await exchange.FailAsync(ApiError.Invalid($"Batch {id} cannot be deleted while it is being processed.")).ConfigureAwait(false);
            return;
        }

        _store.Batches.Remove(id);
        File.Delete(_store.RequestsPath(id));
        File.Delete(_store.ResultsPath(id));
        await exchange.RespondAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString(Names.Id, id);
            json.WriteString(Names.Type, "message_batch_deleted"u8);
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary>Finds a batch and counts the look, which some faults depend on.</summary>
    private MessageBatch? Look(Exchange exchange)
    {
        if (_store.Batches.Find(exchange.RouteValue("id")) is not { } batch)
        {
            return null;
        }

        var runtime = RuntimeOf(batch);
        runtime.CountGet(batch.HasEnded);
        return runtime.Faults.TryGet(FaultKind.NotFound, out var hidden) && runtime.Gets <= hidden.Gets ? null : batch;
    }

    private BatchRuntime RuntimeOf(MessageBatch batch) => core.Runner.RuntimeOf(batch.Id, batch.Faults);

    private void Write(Utf8JsonWriter json, MessageBatch batch, Exchange exchange)
    {
        var request = exchange.Http.Request;
        MessageBatchView.Write(json, batch, RuntimeOf(batch), $"{request.Scheme}://{request.Host}");
    }

    private static Task NotFoundAsync(Exchange exchange) =>
        exchange.FailAsync(new ApiError(404, "not_found_error", $"Batch {exchange.RouteValue("id")} not found."));
}
