using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>Writes a page as OpenAI's list object.</summary>
internal static class OpenAIList
{
    public static void Write<T>(Utf8JsonWriter json, Page<T> page, Action<Utf8JsonWriter, T> writeItem)
        where T : IStored
    {
        json.WriteStartObject();
        json.WriteString(Names.Object, "list"u8);
        json.WriteStartArray("data"u8);
        foreach (var item in page.Items)
        {
            writeItem(json, item);
        }

        json.WriteEndArray();
        json.WriteString("first_id"u8, page.Items.Count == 0 ? null : page.Items[0].Id);
        json.WriteString("last_id"u8, page.Items.Count == 0 ? null : page.Items[^1].Id);
        json.WriteBoolean("has_more"u8, page.HasMore);
        json.WriteEndObject();
    }
}
