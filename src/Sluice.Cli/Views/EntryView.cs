using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sluice.Caching;

namespace Sluice.Cli.Views;

/// <summary>An entry of a cache as a line, as JSON, or with everything that is known of it.</summary>
internal static class EntryView
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 512 };

    /// <summary>One line: key, time, bytes, tokens in and out, provider, model, source.</summary>
    public static string Line(StoredResponse entry) =>
        $"{entry.Key}  {Time(entry.CreatedAt)}  {entry.Size,8}  {entry.Usage.Input,7}  {entry.Usage.Output,7}  {entry.Origin.Provider}  {entry.Origin.Model}  {entry.Origin.Source}";

    /// <summary>The facts of an entry, without its bodies.</summary>
    public static void Facts(this Utf8JsonWriter writer, StoredResponse entry)
    {
        writer.WriteString("key", entry.Key.ToString());
        writer.WriteString("created", Stamp(entry.CreatedAt));
        writer.WriteString("provider", entry.Origin.Provider);
        writer.WriteString("model", entry.Origin.Model);
        writer.WriteString("source", entry.Origin.Source);
        writer.WriteNumber("input_tokens", entry.Usage.Input);
        writer.WriteNumber("output_tokens", entry.Usage.Output);
        writer.WriteNumber("bytes", entry.Size);
        if (entry.Problem is { } problem)
        {
            writer.WriteString("problem", problem);
        }
    }

    /// <summary>A time as JSON has it.</summary>
    public static string? Stamp(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Everything, for people.</summary>
    public static IEnumerable<string> Whole(StoredResponse entry)
    {
        yield return $"key:      {entry.Key}";
        yield return $"made:     {Time(entry.CreatedAt)} {(entry.Origin.IsBatch ? $"by batch {entry.Origin.Source}" : "live")}";
        yield return $"model:    {entry.Origin.Model} ({entry.Origin.Provider})";
        yield return $"tokens:   {Numbers.Count(entry.Usage.Input)} in, {Numbers.Count(entry.Usage.Output)} out";
        yield return $"size:     {Numbers.Of(entry.Size, "byte")}";
        yield return entry.Request is { } request ? $"request:\n{Body(request)}" : "request:  not stored (`cache.store_requests: true` stores it)";
        yield return entry.Body is { } body ? $"response:\n{Body(body)}" : $"response: damaged: {entry.Problem}";
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Body(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, Deep);
            using var text = new MemoryStream();
            using (var writer = new Utf8JsonWriter(text, Indented))
            {
                document.WriteTo(writer);
            }

            return Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // No JSON, or none that can be written anew: as it is.
            return Encoding.UTF8.GetString(body);
        }
    }
}
