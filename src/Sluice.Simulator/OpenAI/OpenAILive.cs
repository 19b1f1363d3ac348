using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Http;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>Answers <c>/v1/chat/completions</c>, <c>/v1/responses</c> and <c>/v1/models</c>.</summary>
internal sealed class OpenAILive(SimulatorCore core)
{
    public void Map(Routes routes)
    {
        routes.Map("POST", OpenAIEndpoints.ChatCompletions, Api.OpenAI, Operations.Live, ChatAsync);
        routes.Map("POST", OpenAIEndpoints.Responses, Api.OpenAI, Operations.Live, RespondAsync);
        routes.Map("GET", "/v1/models", Api.OpenAI, Operations.Models, ModelsAsync);
        routes.Map("GET", "/v1/models/{id}", Api.OpenAI, Operations.Models, ModelAsync);
    }

    private async Task ChatAsync(Exchange exchange)
    {
        if (await LiveCall.AcceptAsync(exchange, Endpoint.ChatCompletions, core).ConfigureAwait(false) is not { } completion)
        {
            return;
        }

        var created = core.Options.TimeProvider.UnixSeconds();
        await (completion.Request.Stream
            ? ChatCompletionStream.SendAsync(exchange, completion, created)
            : LiveCall.SendAsync(exchange, json => ChatCompletionBody.Write(json, completion, created))).ConfigureAwait(false);
    }

    private async Task RespondAsync(Exchange exchange)
    {
        if (await LiveCall.AcceptAsync(exchange, Endpoint.Responses, core).ConfigureAwait(false) is not { } completion)
        {
            return;
        }

        var created = core.Options.TimeProvider.UnixSeconds();
        await (completion.Request.Stream
            ? ResponseStream.SendAsync(exchange, completion, created)
            : LiveCall.SendAsync(exchange, json => ResponseBody.Write(json, completion, created))).ConfigureAwait(false);
    }

    private async Task ModelsAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        await exchange.RespondAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString(Names.Object, "list"u8);
            json.WriteStartArray("data"u8);
            foreach (var model in core.Options.KnownModels ?? ["simulated"])
            {
                WriteModel(json, model);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private async Task ModelAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        var name = exchange.RouteValue("id");
        if (core.Options.KnownModels is { } known && !known.Contains(name))
        {
            await exchange.FailAsync(new ApiError(404, "invalid_request_error", $"The model '{name}' does not exist", "model_not_found", "model"))
                .ConfigureAwait(false);
            return;
        }

        await exchange.RespondAsync(json => WriteModel(json, name)).ConfigureAwait(false);
    }

    private static void WriteModel(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject();
        json.WriteString(Names.Id, name);
        json.WriteString(Names.Object, "model"u8);
        json.WriteNumber(Names.Created, 1_700_000_000);
        json.WriteString("owned_by"u8, "simulator"u8);
        json.WriteEndObject();
    }
}
