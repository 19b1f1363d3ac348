using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Sluice.Simulator.Anthropic;
using Sluice.Simulator.Faults;
using Sluice.Simulator.OpenAI;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Http;

/// <summary>One request and its answer, with the faults that hit it.</summary>
internal sealed class Exchange
{
    private readonly SimulatorCore _core;
    private FaultSet _faults = FaultSet.None;

    public Exchange(HttpContext http, Api api, string operation, SimulatorCore core)
    {
        Http = http;
        Api = api;
        Operation = operation;
        _core = core;
        RequestId = Ids.Random("req_");
        http.Response.Headers[api == Api.OpenAI ? "x-request-id" : "request-id"] = RequestId;
    }

    public HttpContext Http { get; }

    public Api Api { get; }

    public string Operation { get; }

    public string RequestId { get; }

    public CancellationToken Aborted => Http.RequestAborted;

    public string RouteValue(string name) => (string?)Http.Request.RouteValues[name] ?? "";

    /// <summary>Does the fault that breaks off the sending of the request.</summary>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> TryResetAsync()
    {
        var faults = _core.Faults.TakeBeforeBody(Api, Operation, Encoding.UTF8.GetBytes(Http.Request.Path.ToString()));
        if (!faults.TryGet(FaultKind.Reset, out var reset))
        {
            return false;
        }

        // A body of unknown length breaks off after its first bytes.
        var bytes = Http.Request.ContentLength is { } length ? (long)(length * Math.Clamp(reset.Fraction, 0, 1)) : 1;
        await FileCopy.CopyAsync(Http.Request.Body, Stream.Null, bytes, Aborted).ConfigureAwait(false);
        Http.Abort();
        return true;
    }

    /// <summary>Takes the faults for this exchange and does those that come before the operation.</summary>
    /// <param name="subject">What a rule's <c>match</c> is compared with, besides the path.</param>
    /// <returns>False when a fault has answered already.</returns>
    public Task<bool> AdmitAsync(string? subject = null)
    {
        Match([], Encoding.UTF8.GetBytes(subject ?? ""), 0);
        return AdmitMatchedAsync();
    }

    /// <summary>Takes the faults for this exchange.</summary>
    public void Match(ReadOnlySpan<byte> model, ReadOnlySpan<byte> subject, ulong hash) =>
        _faults = _core.Faults.Take(Api, Operation, model, Encoding.UTF8.GetBytes(Http.Request.Path.ToString()), subject, hash);

    public async Task<bool> AdmitMatchedAsync() => !await TryFaultAsync(after: false).ConfigureAwait(false);

    /// <summary>Gets the faults that a batch keeps from its create.</summary>
    public IReadOnlyList<string> BatchFaults =>
        [.. _faults.All.Where(fault => fault.Kind is >= FaultKind.Failed and <= FaultKind.IsoTimes).Select(fault => fault.Raw)];

    /// <summary>Gets when lists begin to have the batch that is created, or null when they do at once.</summary>
    public DateTimeOffset? BatchListedFrom =>
        _faults.TryGet(FaultKind.ListLag, out var lag) ? _core.Options.TimeProvider.GetUtcNow().AddSeconds(lag.Seconds) : null;

    /// <summary>Answers, unless a fault takes the answer away.</summary>
    public async Task RespondAsync(Action<Utf8JsonWriter> write, int status = 200)
    {
        if (!await TryFaultAsync(after: true).ConfigureAwait(false))
        {
            await JsonAnswer.WriteAsync(Http, status, write).ConfigureAwait(false);
        }
    }

    /// <summary>Does the faults that replace an answer.</summary>
    /// <returns>Whether one did.</returns>
    public async Task<bool> TryFaultAsync(bool after)
    {
        if (_faults.TryGet(FaultKind.Delay, after, out var delay))
        {
            await Task.Delay(TimeSpan.FromSeconds(delay.Seconds), _core.Options.TimeProvider, Aborted).ConfigureAwait(false);
        }

        if (_faults.TryGet(FaultKind.Drop, after, out _))
        {
            Http.Abort();
            return true;
        }

        if (_faults.TryGet(FaultKind.HttpStatus, after, out var status))
        {
            await FailAsync(status).ConfigureAwait(false);
            return true;
        }

        if (after && _faults.TryGet(FaultKind.Garbage, out var garbage))
        {
            await WriteTextAsync(200, "application/json", garbage.Body ?? "{\"id\": \"batch_").ConfigureAwait(false);
            return true;
        }

        if (after && _faults.TryGet(FaultKind.GzipBomb, out var bomb))
        {
            await GzipBomb.SendAsync(Http, bomb.Bytes ?? GzipBomb.DefaultBytes).ConfigureAwait(false);
            return true;
        }

        return false;
    }

    public Task FailAsync(ApiError error) => JsonAnswer.WriteAsync(Http, error.Status, json => WriteError(json, error));

    public Task FailTooManyAsync(TimeSpan retryAfter)
    {
        var milliseconds = Math.Max(1, Math.Ceiling(retryAfter.TotalMilliseconds));
        Http.Response.Headers["retry-after-ms"] = milliseconds.ToString(CultureInfo.InvariantCulture);
        Http.Response.Headers.RetryAfter = Math.Ceiling(retryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return FailAsync(FaultErrors.ErrorOf(new Fault(FaultKind.HttpStatus) { Status = 429 }, Api));
    }

    /// <summary>Sends a file as a stream.</summary>
    public async Task SendFileAsync(string path, string contentType)
    {
        if (await TryFaultAsync(after: true).ConfigureAwait(false))
        {
            return;
        }

        var stream = DataFiles.OpenRead(path);
        await using var closing = stream.ConfigureAwait(false);
        Http.Response.ContentType = contentType;
        var truncated = _faults.TryGet(FaultKind.Truncate, out var truncate);
        var length = stream.Length;
        var toSend = truncate is null ? length : (long)(length * Math.Clamp(truncate.Fraction, 0, 1));
        if (truncate is null or { ContentLength: true })
        {
            Http.Response.ContentLength = length;
        }

        _core.Stats.Of(Api).Downloaded(toSend);
        await FileCopy.CopyAsync(stream, Http.Response.Body, toSend, Aborted).ConfigureAwait(false);
        if (truncated && truncate!.ContentLength)
        {
            await Http.Response.Body.FlushAsync(Aborted).ConfigureAwait(false);
            Http.Abort();
        }
    }

    public void WriteError(Utf8JsonWriter json, ApiError error)
    {
        if (Api == Api.OpenAI)
        {
            OpenAIErrors.Write(json, error);
        }
        else
        {
            AnthropicErrors.Write(json, error, RequestId);
        }
    }

    private Task FailAsync(Fault fault)
    {
        foreach (var (name, value) in fault.Headers)
        {
            Http.Response.Headers[name] = value;
        }

        if (fault.RetryAfter is { } retryAfter)
        {
            Http.Response.Headers.RetryAfter = RetryAfterText(retryAfter);
        }

        if (fault.Html)
        {
            var page = $"<html><head><title>{fault.Status}</title></head><body><center><h1>{fault.Status}</h1></center><hr>cloudflare</body></html>";
            return WriteTextAsync(fault.Status, fault.ContentType ?? "text/html", page);
        }

        return fault.Body is { } body
            ? WriteTextAsync(fault.Status, fault.ContentType ?? "application/json", body)
            : FailAsync(FaultErrors.ErrorOf(fault, Api));
    }

    private string RetryAfterText(string text) =>
        text.StartsWith("date+", StringComparison.Ordinal) && int.TryParse(text.AsSpan(5), CultureInfo.InvariantCulture, out var seconds)
            ? _core.Options.TimeProvider.GetUtcNow().AddSeconds(seconds).ToString("R", CultureInfo.InvariantCulture)
            : text;

    private async Task WriteTextAsync(int status, string contentType, string text)
    {
        var body = Encoding.UTF8.GetBytes(text);
        Http.Response.StatusCode = status;
        Http.Response.ContentType = contentType;
        Http.Response.ContentLength = body.Length;
        await Http.Response.Body.WriteAsync(body, Aborted).ConfigureAwait(false);
    }
}
