using System.Text;
using System.Text.Json;

namespace Sluice.Bench;

/// <summary>Response bodies as OpenAI's chat completions have them, each with an id of its own, around recorded answers to GSM8K or, without those, made-up ones.</summary>
internal sealed class Bodies
{
    private const string Id = "chatcmpl-";
    private const string Recordings = "../shared/data/gsm8k/recorded-solutions.jsonl";
    private readonly byte[][] _templates;

    public Bodies(string? recordings = null)
    {
        var file = recordings ?? Recordings;
        var texts = File.Exists(file) ? Recorded(file) : MadeUp();
        Source = File.Exists(file) ? "recorded answers to GSM8K" : "made-up answers";
        _templates = [.. texts.Select(Template)];
    }

    /// <summary>Gets where the texts come from.</summary>
    public string Source { get; }

    /// <summary>Gets the mean length.</summary>
    public double MeanLength => _templates.Average(t => t.Length);

    /// <summary>Returns the body with a number; the same number gives the same body.</summary>
    public byte[] Of(int number)
    {
        var body = (byte[])_templates[(number * 7919L) % _templates.Length is var t ? (int)t : 0].Clone();
        var x = (ulong)number * 0x9E3779B97F4A7C15;
        var at = body.AsSpan().IndexOf("chatcmpl-"u8) + Id.Length;
        for (var i = 0; i < 29; i++)
        {
            x = unchecked((x ^ (x >> 31)) * 0xBF58476D1CE4E5B9 + (ulong)i);
            body[at + i] = (byte)"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[(int)(x % 62)];
        }

        return body;
    }

    private static List<string> Recorded(string file) => [.. File.ReadLines(file).Select(line =>
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.GetProperty("completion").GetString()!;
    })];

    private static List<string> MadeUp()
    {
        string[] words = ["eggs", "per", "day", "she", "sells", "the", "remainder", "for", "dollars", "each", "so", "that", "makes", "pieces", "hours", "in", "total", "there", "are", "left"];
        var random = new Random(7);
        return [.. Enumerable.Range(0, 4096).Select(_ => string.Join(' ', Enumerable.Range(0, 40).Select(_ => random.Next(4) == 0 ? $"{random.Next(1000)}" : words[random.Next(words.Length)])) + $"\nA: {random.Next(1000)}")];
    }

    private static byte[] Template(string text, int number)
    {
        var (input, output) = (80 + (number % 97), text.Length / 4);
        return Encoding.UTF8.GetBytes($$$"""
            {"id":"{{{Id}}}AAAAAAAAAAAAAAAAAAAAAAAAAAAAA","object":"chat.completion","created":{{{1_764_000_000 + number}}},"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"{{{JsonEncodedText.Encode(text)}}}","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":{{{input}}},"completion_tokens":{{{output}}},"total_tokens":{{{input + output}}},"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_560af6e559"}
            """);
    }
}
