using System.Text.Encodings.Web;
using System.Text.Json;

namespace Sluice.Providers;

/// <summary>A body that was not sent by a provider but made from what an experiment has kept of its answer.</summary>
internal static class RebuiltBody
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a body with a first member that says so.</summary>
    public static byte[] Write(Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            writer.WriteStartObject();
            writer.WriteString("rebuilt_from", "results.jsonl");
            members(writer);
            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }
}
