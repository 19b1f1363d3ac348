using System.Text.Json;

namespace Sluice.Sweeps;

/// <summary>What a manifest says of one experiment.</summary>
/// <param name="Name">Its name, which is its folder's.</param>
/// <param name="Source">The config's file.</param>
/// <param name="Overrides">The changes to the config; null when the manifest does not say.</param>
/// <param name="Batches">The batches that it waited for when the manifest was written.</param>
/// <param name="IsEarlier">Whether the last command was not about it.</param>
/// <param name="Json">All of it.</param>
internal sealed record ManifestEntry(string Name, string Source, IReadOnlyList<string>? Overrides, IReadOnlyList<string> Batches, bool IsEarlier, JsonElement Json)
{
    private static readonly string[] OwnFields = ["name", "earlier"];

    /// <summary>Reads what <see cref="WriteTo"/> or the manifest of an earlier version has written.</summary>
    public static ManifestEntry Read(JsonElement json) => new(
        json.GetProperty("name").GetString()!,
        json.TryGetProperty("source", out var source) ? source.GetString() ?? "" : "",
        json.TryGetProperty("overrides", out var overrides) ? Texts(overrides) : null,
        json.TryGetProperty("batches", out var batches) ? Texts(batches) : [],
        json.TryGetProperty("earlier", out var earlier) && earlier.GetBoolean(),
        json.Clone());

    /// <summary>Writes it as one of an earlier command.</summary>
    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("name", Name);
        writer.WriteBoolean("earlier", true);
        foreach (var property in Json.EnumerateObject().Where(p => !OwnFields.Contains(p.Name)))
        {
            property.WriteTo(writer);
        }

        writer.WriteEndObject();
    }

    private static List<string> Texts(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetString()!)];
}
