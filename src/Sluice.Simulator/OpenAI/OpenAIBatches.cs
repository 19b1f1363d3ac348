using System.Text.Json;
using Sluice.Simulator.Batches;
using Sluice.Simulator.Faults;
using Sluice.Simulator.Http;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>Answers <c>/v1/batches</c>.</summary>
internal sealed class OpenAIBatches(SimulatorCore core)
{
    private const int MostBodyBytes = 1024 * 1024;
    private readonly OpenAIStore _store = core.OpenAI;

    public void Map(Routes routes)
    {
        routes.Map("POST", "/v1/batches", Api.OpenAI, Operations.Create, CreateAsync);
        routes.Map("GET", "/v1/batches", Api.OpenAI, Operations.List, ListAsync);
        routes.Map("GET", "/v1/batches/{id}", Api.OpenAI, Operations.Get, GetAsync);
        routes.Map("POST", "/v1/batches/{id}/cancel", Api.OpenAI, Operations.Cancel, CancelAsync);
    }

    private async Task CreateAsync(Exchange exchange)
    {
        var body = await RequestBytes.ReadAsync(exchange.Http.Request, MostBodyBytes, exchange.Aborted).ConfigureAwait(false);
        exchange.Match([], body is { } text ? text.Span : default, 0);
        if (!await exchange.AdmitMatchedAsync().ConfigureAwait(false))
        {
            return;
        }

        CreateBatchBody? create = null;
        var error = body is { } whole ? CreateBatchBody.TryRead(whole, out create) : ApiError.Invalid("The request body is too large.");
        if (error is not null)
        {
            await exchange.FailAsync(error).ConfigureAwait(false);
            return;
        }

        var batch = _store.Batches.Add(sequence => new OpenAIBatch(Ids.Random("batch_"), sequence)
        {
            InputFileId = create!.InputFileId,
            Endpoint = create.Endpoint,
            Metadata = create.Metadata,
            OutputExpiresAfter = create.OutputExpiresAfter,
            CreatedAt = core.Options.TimeProvider.UnixSeconds(),
            Faults = exchange.BatchFaults,
            ListedFrom = exchange.BatchListedFrom,
        });
        core.Stats.OpenAI.BatchCreated();
        core.Start(batch);
        await exchange.RespondAsync(json => Write(json, batch)).ConfigureAwait(false);
    }

    private async Task ListAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        if (Query.Limit(exchange.Http.Request, 20, 100) is not { } limit)
        {
            await exchange.FailAsync(ApiError.Invalid("Invalid 'limit': expected an integer between 1 and 100.", null, "limit")).ConfigureAwait(false);
            return;
        }

        var now = core.Options.TimeProvider.GetUtcNow();
        var page = _store.Batches.List(
            Query.Text(exchange.Http.Request, "after"), limit, newestFirst: true, batch => batch.ListedFrom is not { } from || from <= now);
        await exchange.RespondAsync(json => OpenAIList.Write(json, page, Write)).ConfigureAwait(false);
    }

    private async Task GetAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync(Metadata(exchange)).ConfigureAwait(false))
        {
            return;
        }

        if (Look(exchange) is not { } batch)
        {
            await NotFoundAsync(exchange).ConfigureAwait(false);
            return;
        }

        await exchange.RespondAsync(json => Write(json, batch)).ConfigureAwait(false);
    }

    private async Task CancelAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync(Metadata(exchange)).ConfigureAwait(false))
        {
            return;
        }

        var wasCancelled = false;
        var batch = _store.Batches.Update(exchange.RouteValue("id"), now =>
        {
            wasCancelled = !now.HasEnded;
            return now.HasEnded || now.Status == "cancelling"
                ? now
                : now with { Status = "cancelling", CancellingAt = core.Options.TimeProvider.UnixSeconds() };
        });
        if (batch is null)
        {
            await NotFoundAsync(exchange).ConfigureAwait(false);
        }
        else if (!wasCancelled)
        {
            await exchange.FailAsync(new ApiError(409, "invalid_request_error", $"Cannot cancel a batch with status '{batch.Status}'."))
                .ConfigureAwait(false);
        }
        else
        {
            RuntimeOf(batch).Cancel();
            await exchange.RespondAsync(json => Write(json, batch)).ConfigureAwait(false);
        }
    }

    /// <summary>Finds a batch and counts the look, which some faults depend on.</summary>
    private OpenAIBatch? Look(Exchange exchange)
    {
        if (_store.Batches.Find(exchange.RouteValue("id")) is not { } batch)
        {
            return null;
        }

        var runtime = RuntimeOf(batch);
        runtime.CountGet(batch.HasEnded);
        return runtime.Faults.TryGet(FaultKind.NotFound, out var hidden) && runtime.Gets <= hidden.Gets ? null : batch;
    }

    private string? Metadata(Exchange exchange) => _store.Batches.Find(exchange.RouteValue("id"))?.Metadata;

    private BatchRuntime RuntimeOf(OpenAIBatch batch) => core.Runner.RuntimeOf(batch.Id, batch.Faults);

    private void Write(Utf8JsonWriter json, OpenAIBatch batch) => OpenAIBatchView.Write(json, batch, RuntimeOf(batch));

    private static Task NotFoundAsync(Exchange exchange) =>
        exchange.FailAsync(new ApiError(404, "invalid_request_error", $"No batch found with id '{exchange.RouteValue("id")}'."));
}
