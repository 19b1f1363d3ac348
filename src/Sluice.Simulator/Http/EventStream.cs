using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Sluice.Simulator.Http;

/// <summary>Sends server-sent events.</summary>
internal sealed class EventStream : IDisposable
{
    private readonly HttpContext _http;
    private readonly ArrayBufferWriter<byte> _buffer = new(4096);
    private readonly Utf8JsonWriter _json;

    public EventStream(HttpContext http)
    {
        _http = http;
        _json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        http.Response.ContentType = "text/event-stream; charset=utf-8";
        http.Response.Headers.CacheControl = "no-cache";
    }

    /// <summary>Sends one event.</summary>
    /// <param name="name">Its <c>event:</c> line, or empty for none.</param>
    public async Task SendAsync(ReadOnlyMemory<byte> name, Action<Utf8JsonWriter> write)
    {
        if (!name.IsEmpty)
        {
            _buffer.Write("event: "u8);
            _buffer.Write(name.Span);
            _buffer.Write("\n"u8);
        }

        _buffer.Write("data: "u8);
        write(_json);
        await _json.FlushAsync(_http.RequestAborted).ConfigureAwait(false);
        _json.Reset();
        await EndAsync().ConfigureAwait(false);
    }

    /// <summary>Sends OpenAI's last line, which is not JSON.</summary>
    public Task SendDoneAsync()
    {
        _buffer.Write("data: [DONE]"u8);
        return EndAsync();
    }

    public void Dispose() => _json.Dispose();

    /// <summary>Cuts a text into the pieces of a stream, between words.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Pieces(ReadOnlyMemory<byte> text)
    {
        while (!text.IsEmpty)
        {
            var length = text.Length <= 24 ? text.Length : 24 + Math.Max(0, text.Span[24..].IndexOf((byte)' '));
            while (length < text.Length && (text.Span[length] & 0xC0) == 0x80)
            {
                length++;
            }

            yield return text[..length];
            text = text[length..];
        }
    }

    private async Task EndAsync()
    {
        _buffer.Write("\n\n"u8);
        await _http.Response.Body.WriteAsync(_buffer.WrittenMemory, _http.RequestAborted).ConfigureAwait(false);
        await _http.Response.Body.FlushAsync(_http.RequestAborted).ConfigureAwait(false);
        _buffer.ResetWrittenCount();
    }
}
