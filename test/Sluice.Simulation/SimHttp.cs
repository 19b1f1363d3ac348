using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Simulation;

/// <summary>The account as one process reaches it over HTTP and a bad network, in place of sockets: the real clients are above it. A call leaves
/// the process, arrives, and is answered, each at its own time.</summary>
internal sealed class SimHttp(World world, SimProcess process) : HttpMessageHandler
{
    private static readonly Dictionary<BatchState, string> StateNames = new()
    {
        [BatchState.Running] = "in_progress", [BatchState.Cancelling] = "cancelling", [BatchState.Done] = "completed",
        [BatchState.Expired] = "expired", [BatchState.Failed] = "failed", [BatchState.Cancelled] = "cancelled",
    };

    private readonly Plan _plan = world.Plan;

    private enum Fault
    {
        None,
        Refused,
        ErrorBefore,
        ErrorAfter,
        LostRequest,
        LostAnswer,
        Throttled,
        BadKey,
        Redirect,
        RefusedPage,
        PageBefore,
        PageAfter,
    }

    private bool IsAnthropic => _plan.Kind == ApiKind.Anthropic;

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        process.RequireAlive();
        var call = await ReadAsync(request).ConfigureAwait(false);
        var source = new TaskCompletionSource<HttpResponseMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        var fault = Draw(call.Name);
        world.Trace(process.Name, fault == Fault.None ? call.Name : $"{call.Name} ({fault})");
        await using var registration = cancellationToken.Register(() => source.TrySetCanceled(cancellationToken));
        // A process that stands still before its first byte has left sends it when it goes on.
        world.After(world.Between(0, 0.02), process, () =>
        {
            if (fault == Fault.Refused)
            {
                call.Gone?.Invoke();
                source.TrySetException(new HttpRequestException(HttpRequestError.ConnectionError, "simulated: connection refused"));
                return;
            }

            // From here on the call arrives, whatever becomes of the process; but a large body has left only when its last byte has.
            void Leave() => world.After(Travel(), null, () => Arrive(call, fault, source));
            if (call.IsLarge && !_plan.IsLocal && world.Chance(_plan.SlowUploads))
            {
                world.After(world.Between(60, 600), process, () =>
                {
                    if (!source.Task.IsCompleted)
                    {
                        Leave();
                    }
                });
            }
            else
            {
                Leave();
            }
        });
        var response = await source.Task.ConfigureAwait(false);
        process.RequireAlive();
        if (fault == Fault.None)
        {
            // What has come back to the process is its own to keep.
            call.Kept?.Invoke();
        }

        return response;
    }

    private void Arrive(Call call, Fault fault, TaskCompletionSource<HttpResponseMessage> source)
    {
        call.Gone?.Invoke();
        var response = fault is Fault.None or Fault.ErrorAfter or Fault.LostAnswer or Fault.PageAfter ? call.Effect() : null;
        Exception? broken = fault is Fault.LostRequest or Fault.LostAnswer ? new HttpRequestException(HttpRequestError.ResponseEnded, "simulated: the connection broke") : null;
        response = fault switch
        {
            Fault.ErrorBefore => Error(500, "server_error"),
            Fault.ErrorAfter => Page(HttpStatusCode.BadGateway),
            Fault.Throttled => Throttled(),
            Fault.BadKey => Error(401, "invalid_api_key"),
            Fault.Redirect => Redirect(),
            Fault.RefusedPage => Page(world.Random.Next(4) switch { 0 => HttpStatusCode.BadRequest, 1 => HttpStatusCode.MethodNotAllowed, 2 => HttpStatusCode.RequestEntityTooLarge, _ => HttpStatusCode.Forbidden }),
            Fault.PageBefore or Fault.PageAfter => Page(HttpStatusCode.OK),
            _ => response,
        };
        if (broken is not null && world.Chance(0.15))
        {
            // Nobody notices before the call's time is up.
            return;
        }

        var back = call.Kept is not null && !_plan.IsLocal && world.Chance(_plan.SlowUploads) ? world.Between(10, 300) : Travel();
        world.After(back, process, () =>
        {
            if (broken is not null)
            {
                world.Trace(process.Name, $"{call.Name}: {broken.Message}");
                source.TrySetException(broken);
                return;
            }

            if (!response!.IsSuccessStatusCode)
            {
                world.Trace(process.Name, string.Create(CultureInfo.InvariantCulture, $"{call.Name}: {(int)response.StatusCode}"));
            }

            source.TrySetResult(response);
        });
    }

    /// <summary>Finds out what a call asks for; its body is read before anything of it leaves.</summary>
    private async Task<Call> ReadAsync(HttpRequestMessage request)
    {
        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync().ConfigureAwait(false);
        var path = request.RequestUri!.AbsolutePath;
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var isPost = request.Method == HttpMethod.Post;
        if (IsAnthropic && parts is ["v1", "messages", "batches", ..])
        {
            parts = ["v1", "batches", .. parts[3..]];
        }

        return (isPost, parts) switch
        {
            (true, ["v1", "files"]) => Upload(Encoding.UTF8.GetString(body)),
            (true, ["v1", "batches"]) => Create(body),
            (false, ["v1", "batches"]) => new Call("list", () => List(request.RequestUri)),
            (false, ["v1", "batches", var id]) => new Call($"get {id}", () => Known(id) is { } batch ? Batch(batch.Info(process, isList: false)) : NotFound()),
            (true, ["v1", "batches", var id, "cancel"]) => new Call($"cancel {id}", () => Cancel(id)),
            (false, ["v1", "batches", var id, "results"]) => new Call($"open {id}", () => Download(id)),
            (false, ["v1", "files", var file, "content"]) => new Call($"open {file}", () => Download(file)),
            (false, ["v1", "files", var file]) when request.Method == HttpMethod.Get => new Call($"file {file}", () => world.Account.HasFile(file) ? Answer($$"""{"id":"{{file}}"}""") : NotFound()),
            (true, ["v1", "chat", "completions"] or ["v1", "messages"]) => Live(body),
            _ => throw new InvalidOperationException($"nobody answers {request.Method} {path}"),
        };
    }

    private Call Upload(string form)
    {
        const string Name = "sluice-";
        var start = form.IndexOf(Name, StringComparison.Ordinal) + Name.Length;
        var intent = form[start..form.IndexOf(".jsonl", start, StringComparison.Ordinal)];
        var lines = form.Split('\n').Where(line => line.StartsWith('{')).ToArray();
        return new Call($"upload {world.NameOf(intent)}", () => Answer($$"""{"id":"{{world.Account.Upload(intent, lines)}}"}""")) { IsLarge = true };
    }

    private Call Create(byte[] body)
    {
        using var document = JsonDocument.Parse(body);
        var root = document.RootElement;
        var file = IsAnthropic ? null : root.GetProperty("input_file_id").GetString();
        var ids = IsAnthropic ? [.. root.GetProperty("requests").EnumerateArray().Select(r => r.GetProperty("custom_id").GetString()!)] : Array.Empty<string>();
        var intent = IsAnthropic ? ids[0].Split('-')[0] : root.GetProperty("metadata").GetProperty("sluice_intent").GetString()!;
        world.Stage.Creating(intent, 1);
        return new Call($"create {world.NameOf(intent)}", () => Batch(world.Account.Create(intent, file, ids).Info(process, isList: true)))
        {
            IsLarge = IsAnthropic,
            Gone = () => world.Stage.Creating(intent, -1),
        };
    }

    private Call Live(byte[] body)
    {
        Execution? execution = null;
        using var document = JsonDocument.Parse(body);
        return new Call("send " + document.RootElement.GetProperty("n"), () =>
        {
            execution = world.Account.ExecuteLive(body, process, out var answer);
            execution.IsLost = true;
            return Answer(answer);
        })
        {
            Kept = () =>
            {
                if (execution is not null)
                {
                    execution.IsLost = false;
                }
            },
        };
    }

    private HttpResponseMessage List(Uri address)
    {
        var all = world.Account.Batches.Where(b => b.ListedAt <= world.Now);
        List<SimBatch> ordered = _plan.Order switch
        {
            ListOrder.NewestFirst => [.. all.OrderByDescending(b => b.CreatedAt).ThenByDescending(b => b.Number)],
            ListOrder.OldestFirst => [.. all.OrderBy(b => b.CreatedAt).ThenBy(b => b.Number)],
            _ => [.. all.OrderBy(b => b.Place)],
        };
        var after = address.Query.Split('&').FirstOrDefault(p => p.Contains("after", StringComparison.Ordinal))?.Split('=')[1];
        var from = after is null ? 0 : ordered.FindIndex(b => b.Id == after) + 1;
        var page = ordered.Skip(from).Take(_plan.PageSize).ToList();
        return Answer($$"""{"data":[{{string.Join(",", page.Select(b => Json(b.Info(process, isList: true))))}}],"has_more":{{(from + page.Count < ordered.Count ? "true" : "false")}}}""");
    }

    private HttpResponseMessage Cancel(string id)
    {
        if (Known(id) is not { } batch)
        {
            return NotFound();
        }

        batch.Cancel();
        return Batch(batch.Info(process, isList: true));
    }

    private HttpResponseMessage Download(string file)
    {
        // A file is named for its batch: batch-3.output.
        if (Known(file.Split('.')[0]) is not { } batch)
        {
            return NotFound();
        }

        var (bytes, isCut) = batch.Download(file, process);
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new ResultFile(bytes, isCut, process)) };
    }

    private SimBatch? Known(string id) => world.Account.Get(id) is { } batch && batch.KnownAt <= world.Now ? batch : null;

    private HttpResponseMessage Batch(BatchInfo info) => Answer(Json(info));

    private string Json(BatchInfo info)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("id", info.Id);
            if (IsAnthropic)
            {
                json.WriteString("processing_status", info.IsEnded ? "ended" : info.State == BatchState.Cancelling ? "canceling" : "in_progress");
                json.WriteString("created_at", info.CreatedAt!.Value);
            }
            else
            {
                json.WriteString("status", StateNames[info.State]);
                json.WriteNumber("created_at", info.CreatedAt!.Value.ToUnixTimeSeconds());
                json.WriteString("input_file_id", info.InputFile);
                WriteFiles(json, info);
            }

            if (info.Total is { } total)
            {
                json.WriteStartObject("request_counts");
                json.WriteNumber(IsAnthropic ? "succeeded" : "total", total);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void WriteFiles(Utf8JsonWriter json, BatchInfo info)
    {
        if (info.Intent is { } intent)
        {
            json.WriteStartObject("metadata");
            json.WriteString("sluice_intent", intent);
            json.WriteEndObject();
        }

        foreach (var file in info.ResultFiles)
        {
            json.WriteString(file.EndsWith(".errors", StringComparison.Ordinal) ? "error_file_id" : "output_file_id", file);
        }

        if (info.Error is { } error)
        {
            json.WriteStartObject("errors");
            json.WriteStartArray("data");
            json.WriteStartObject();
            json.WriteString("code", error.Code);
            json.WriteString("message", error.Message);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }
    }

    private HttpResponseMessage Answer(string json) => Answer(Encoding.UTF8.GetBytes(json));

    private static HttpResponseMessage Answer(byte[] json, int status = 200)
    {
        var response = new HttpResponseMessage((HttpStatusCode)status) { Content = new ByteArrayContent(json) };
        response.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return response;
    }

    private HttpResponseMessage Error(int status, string code) => Answer(Encoding.UTF8.GetBytes(IsAnthropic
        ? $$$"""{"type":"error","error":{"type":"{{{(code == "server_error" ? "api_error" : code == "invalid_api_key" ? "authentication_error" : code)}}}","message":"simulated"}}"""
        : $$$"""{"error":{"message":"simulated","type":"{{{code}}}","code":"{{{code}}}"}}"""), status);

    private HttpResponseMessage NotFound() => Error(404, "not_found_error");

    private HttpResponseMessage Throttled()
    {
        var response = Error(429, "rate_limit_error");
        if (world.Chance(0.5))
        {
            response.Headers.TryAddWithoutValidation("retry-after", world.Between(0, 20).TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture));
        }

        return response;
    }

    private static HttpResponseMessage Redirect()
    {
        var response = new HttpResponseMessage(HttpStatusCode.TemporaryRedirect) { Content = new StringContent("") };
        response.Headers.Location = new Uri("https://login.invalid/");
        return response;
    }

    private static HttpResponseMessage Page(HttpStatusCode status) =>
        new(status) { Content = new StringContent("<html><body><h1>The proxy has something to say</h1></body></html>", Encoding.UTF8, "text/html") };

    private TimeSpan Travel() => _plan.IsLocal ? world.Between(0, 0.1) : world.Between(0.02, world.Chance(0.05) ? 20 : 1);

    private Fault Draw(string name)
    {
        if (world.Stage.IsCalm)
        {
            return Fault.None;
        }

        var dice = world.Random.NextDouble();
        (Fault Fault, double Chance)[] all =
        [
            (Fault.Refused, _plan.Refused), (Fault.ErrorBefore, _plan.ErrorBefore), (Fault.ErrorAfter, _plan.ErrorAfter), (Fault.LostRequest, _plan.LostRequest),
            (Fault.LostAnswer, _plan.LostAnswer), (Fault.Throttled, _plan.Throttled), (Fault.BadKey, _plan.BadKey), (Fault.Redirect, _plan.Redirects),
            (Fault.RefusedPage, _plan.Pages / 3), (Fault.PageBefore, _plan.Pages / 3), (Fault.PageAfter, _plan.Pages / 3),
        ];
        // Looks are many: they fail less often.
        var scale = name.StartsWith("get", StringComparison.Ordinal) ? 0.3 : 1;
        foreach (var (fault, chance) in all)
        {
            dice -= chance * scale;
            if (dice < 0)
            {
                world.Faults++;
                return fault;
            }
        }

        return Fault.None;
    }

    /// <summary>A call on its way.</summary>
    /// <param name="Name">What it asks for.</param>
    /// <param name="Effect">What the provider does and answers.</param>
    private sealed record Call(string Name, Func<HttpResponseMessage> Effect)
    {
        /// <summary>Gets whether its body takes its time.</summary>
        public bool IsLarge { get; init; }

        /// <summary>Gets what is so once it has arrived, or never will.</summary>
        public Action? Gone { get; init; }

        /// <summary>Gets what is so once its process has the answer.</summary>
        public Action? Kept { get; init; }
    }

    /// <summary>A result file on its way; a cut one breaks off with an error.</summary>
    private sealed class ResultFile(byte[] bytes, bool isCut, SimProcess process) : MemoryStream(bytes, writable: false)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await process.TurnAsync(0.2);
            var read = Read(buffer.Span);
            return read > 0 || !isCut ? read : throw new IOException("simulated: the download was cut off");
        }
    }
}
