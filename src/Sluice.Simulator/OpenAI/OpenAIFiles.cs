using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Http;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>Answers <c>/v1/files</c>.</summary>
internal sealed class OpenAIFiles(SimulatorCore core)
{
    public const long DefaultLifetimeSeconds = 30 * 24 * 60 * 60;
    private readonly OpenAIStore _store = core.OpenAI;

    public void Map(Routes routes)
    {
        routes.Map("POST", "/v1/files", Api.OpenAI, Operations.Upload, UploadAsync);
        routes.Map("GET", "/v1/files", Api.OpenAI, Operations.Files, ListAsync);
        routes.Map("GET", "/v1/files/{id}", Api.OpenAI, Operations.File, exchange => WithFileAsync(exchange, file =>
            exchange.RespondAsync(json => WriteFile(json, file))));
        routes.Map("GET", "/v1/files/{id}/content", Api.OpenAI, Operations.Content, exchange => WithFileAsync(exchange, file =>
            exchange.SendFileAsync(_store.ContentPath(file.Id), "application/octet-stream")));
        routes.Map("DELETE", "/v1/files/{id}", Api.OpenAI, Operations.DeleteFile, exchange => WithFileAsync(exchange, file =>
            DeleteAsync(exchange, file)));
    }

    public static void WriteFile(Utf8JsonWriter json, StoredFile file)
    {
        json.WriteStartObject();
        json.WriteString(Names.Id, file.Id);
        json.WriteString(Names.Object, "file"u8);
        json.WriteNumber("bytes"u8, file.Bytes);
        json.WriteNumber("created_at"u8, file.CreatedAt);
        if (file.ExpiresAt is { } expiresAt)
        {
            json.WriteNumber("expires_at"u8, expiresAt);
        }

        json.WriteString("filename"u8, file.Filename);
        json.WriteString("purpose"u8, file.Purpose);
        json.WriteString(Names.Status, "processed"u8);
        json.WriteNull("status_details"u8);
        json.WriteEndObject();
    }

    private async Task UploadAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        var id = Ids.Random("file-");
        var path = _store.TemporaryPath(id);
        try
        {
            var upload = await FileUpload.ReceiveAsync(exchange.Http.Request, path, core.Options.Limits, exchange.Aborted).ConfigureAwait(false);
            if (upload.Error is { } error)
            {
                File.Delete(path);
                await exchange.FailAsync(error).ConfigureAwait(false);
                return;
            }

            var now = core.Options.TimeProvider.UnixSeconds();
            File.Move(path, _store.ContentPath(id));
            var file = _store.Files.Add(sequence => new StoredFile(id, sequence)
            {
                Filename = upload.Filename,
                Purpose = upload.Purpose,
                Bytes = upload.Bytes,
                CreatedAt = now,
                ExpiresAt = upload.Lifetime is { } lifetime ? now + lifetime : upload.Purpose == "batch" ? now + DefaultLifetimeSeconds : null,
            });
            core.Stats.OpenAI.FileStored(uploaded: true, upload.Bytes);
            await exchange.RespondAsync(json => WriteFile(json, file)).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private async Task ListAsync(Exchange exchange)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        var request = exchange.Http.Request;
        if (Query.Limit(request, 10_000, 10_000) is not { } limit)
        {
            await exchange.FailAsync(ApiError.Invalid("Invalid 'limit': expected an integer between 1 and 10000.", null, "limit")).ConfigureAwait(false);
            return;
        }

        var purpose = Query.Text(request, "purpose");
        var newestFirst = Query.Text(request, "order") != "asc";
        var page = _store.Files.List(Query.Text(request, "after"), limit, newestFirst, file => purpose is null || file.Purpose == purpose);
        await exchange.RespondAsync(json => OpenAIList.Write(json, page, WriteFile)).ConfigureAwait(false);
    }

    private async Task WithFileAsync(Exchange exchange, Func<StoredFile, Task> answer)
    {
        if (!await exchange.AdmitAsync().ConfigureAwait(false))
        {
            return;
        }

        var id = exchange.RouteValue("id");
        var found = _store.Files.Find(id);
        await (found is { } file
            ? answer(file)
            : exchange.FailAsync(new ApiError(404, "invalid_request_error", $"No such File object: {id}", null, "id"))).ConfigureAwait(false);
    }

    private Task DeleteAsync(Exchange exchange, StoredFile file)
    {
        if (_store.Files.Remove(file.Id))
        {
            File.Delete(_store.ContentPath(file.Id));
        }

        return exchange.RespondAsync(json =>
        {
            json.WriteStartObject();
            json.WriteString(Names.Id, file.Id);
            json.WriteString(Names.Object, "file"u8);
            json.WriteBoolean("deleted"u8, true);
            json.WriteEndObject();
        });
    }
}
