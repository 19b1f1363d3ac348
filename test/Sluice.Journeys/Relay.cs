using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sluice.Journeys;

/// <summary>What a relay answers.</summary>
internal sealed record RelayAnswer(int Status, string Body, string ContentType = "application/json", string? Location = null)
{
    /// <summary>Gets more headers by name.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();
}

/// <summary>An HTTP server between the program and the simulator, as a proxy, a tunnel or a gateway is: it changes, loses or replaces answers as a test says.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private static readonly string[] Copied = ["retry-after", "retry-after-ms", "x-sluice-simulator"];

    private readonly HttpListener _listener = new();
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly Uri _target;
    private readonly Task _serving;

    /// <summary>Starts on a free port before a server.</summary>
    public Relay(Uri target)
    {
        _target = target;
        Address = Listen();
        _serving = ServeAsync();
    }

    public Uri Address { get; }

    /// <summary>Gets the calls so far, as <c>POST /v1/batches</c>.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>Gets or sets whether answers keep the mark by which the simulator is known.</summary>
    public bool KeepsMark { get; set; } = true;

    /// <summary>Gets or sets what is answered in the server's place; null lets a call pass.</summary>
    public Func<string, RelayAnswer?> Instead { get; set; } = _ => null;

    /// <summary>Gets or sets what becomes of an answer; null loses it.</summary>
    public Func<string, RelayAnswer, RelayAnswer?> After { get; set; } = (_, answer) => answer;

    public int CountOf(string call) => Calls.Count(c => c == call);

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving;
        _listener.Close();
        _client.Dispose();
    }

    private Uri Listen()
    {
        for (var attempt = 0; ; attempt++)
        {
            var port = FreePort();
            _listener.Prefixes.Clear();
            _listener.Prefixes.Add($"http://127.0.0.1:{port}/");
            try
            {
                _listener.Start();
                return new Uri($"http://127.0.0.1:{port}");
            }
            catch (HttpListenerException) when (attempt < 20)
            {
                // Somebody was quicker.
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task ServeAsync()
    {
        var calls = new List<Task>();
        while (_listener.IsListening)
        {
            try
            {
                calls.Add(AnswerAsync(await _listener.GetContextAsync()));
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // It was stopped.
                break;
            }
        }

        await Task.WhenAll(calls);
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            var call = $"{context.Request.HttpMethod} {context.Request.Url!.AbsolutePath}";
            Calls.Enqueue(call);
            using var body = new MemoryStream();
            await context.Request.InputStream.CopyToAsync(body);
            var answer = Instead(call);
            if (answer is null)
            {
                answer = await PassAsync(context, body.ToArray());
                answer = After(call, answer);
            }

            if (answer is null)
            {
                context.Response.Abort();
                return;
            }

            context.Response.StatusCode = answer.Status;
            context.Response.ContentType = answer.ContentType;
            if (answer.Location is { } location)
            {
                context.Response.RedirectLocation = location;
            }

            foreach (var (name, value) in answer.Headers)
            {
                context.Response.Headers[name] = value;
            }

            var bytes = Encoding.UTF8.GetBytes(answer.Body);
            context.Response.ContentLength64 = bytes.Length;
            await context.Response.OutputStream.WriteAsync(bytes);
            context.Response.Close();
        }
        catch (Exception error) when (error is HttpListenerException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The program, or the server, has gone.
        }
    }

    private async Task<RelayAnswer> PassAsync(HttpListenerContext context, byte[] body)
    {
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.HttpMethod), new Uri(_target, context.Request.RawUrl));
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(body);
        }

        foreach (var name in context.Request.Headers.AllKeys.OfType<string>().Where(n => n is not ("Host" or "Content-Length" or "Transfer-Encoding" or "Connection" or "Expect")))
        {
            if (!request.Headers.TryAddWithoutValidation(name, context.Request.Headers[name]))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, context.Request.Headers[name]);
            }
        }

        using var response = await _client.SendAsync(request);
        foreach (var name in Copied.Where(n => KeepsMark || n != "x-sluice-simulator"))
        {
            if (response.Headers.TryGetValues(name, out var values))
            {
                context.Response.Headers[name] = values.First();
            }
        }

        return new RelayAnswer((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.ToString() ?? "application/json");
    }
}
