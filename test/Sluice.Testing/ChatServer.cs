using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Sluice.Testing;

/// <summary>A server that is no simulator: it answers every chat request with one text, in OpenAI's form, over real HTTP.</summary>
/// <remarks>The Batch API is not there: any other path is answered with 404.</remarks>
public sealed class ChatServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<string> _bodies = new();
    private readonly Task _serving;

    /// <param name="text">What it answers.</param>
    /// <param name="port">Where it listens; 0 takes a free port.</param>
    public ChatServer(string text, int port = 0)
    {
        Text = text;
        Port = port == 0 ? FreePort() : port;
        _listener.Prefixes.Add($"http://127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}/");
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <summary>Gets or sets what it answers.</summary>
    public string Text { get; set; }

    /// <summary>Gets or sets whether its answers to chat requests say that they are the simulator's, although nothing else does.</summary>
    public bool IsMarked { get; set; }

    /// <summary>Gets where it listens, on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>Gets its base address.</summary>
    public string Url => $"http://127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}/v1";

    /// <summary>Gets the bodies of the calls that it has answered, in the order they came.</summary>
    public IReadOnlyList<string> Bodies => [.. _bodies];

    /// <summary>Stops it; another may then listen at the same port.</summary>
    public void Dispose() => _listener.Close();

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
            {
                // Closed while it waited.
                return;
            }

            await AnswerAsync(context);
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        using var reader = new StreamReader(context.Request.InputStream, Encoding.UTF8);
        string body = await reader.ReadToEndAsync();
        bool isChat = context.Request.HttpMethod == "POST" && context.Request.Url!.AbsolutePath.EndsWith("/chat/completions", StringComparison.Ordinal);
        if (isChat)
        {
            _bodies.Enqueue(body);
        }

        byte[] answer = Encoding.UTF8.GetBytes(isChat
            ? $$$"""{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":{{{JsonSerializer.Serialize(Text)}}}}}],"usage":{"prompt_tokens":10,"completion_tokens":5}}"""
            : """{"error":{"message":"there is nothing here"}}""");
        context.Response.StatusCode = isChat ? 200 : 404;
        context.Response.ContentType = "application/json";
        if (isChat && IsMarked)
        {
            context.Response.AddHeader("x-sluice-simulator", "1");
        }

        context.Response.ContentLength64 = answer.Length;
        await context.Response.OutputStream.WriteAsync(answer);
        context.Response.Close();
    }
}
