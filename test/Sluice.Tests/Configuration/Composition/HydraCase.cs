using System.Text.Json;
using System.Text.Json.Nodes;
using Sluice.Configuration;

namespace Sluice.Tests.Configuration.Composition;

/// <summary>One recorded run of the real Hydra: config files, overrides, and what came of them.</summary>
internal sealed record HydraCase(string Name, JsonObject Data)
{
    public const string Absent = "the folder shared/reference/hydra-cases does not stand beside the repository";

    public IEnumerable<(string Path, string Text)> Files => Data["files"]!.AsObject().Select(file => (file.Key, (string)file.Value!));

    public string? ConfigName => (string?)Data["config_name"];

    public string[] Overrides => [.. Data["overrides"]!.AsArray().Select(text => (string)text!)];

    public bool IsMultirun => (string?)Data["mode"] == "multirun";

    public string? ConfigDir => (string?)Data["config_dir"];

    public string? Environment(string name) => (string?)Data["env"]?[name];

    public JsonObject Expected => Data["expect"]!.AsObject();

    /// <summary>Gives the folder of the cases, or null when it does not lie beside this repository or above it.</summary>
    public static string? FindFolder()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "shared", "reference", "hydra-cases");
            if (Directory.Exists(path))
            {
                return path;
            }
        }

        return null;
    }

    /// <summary>Gives the folder of the cases; skips the test when it is not there.</summary>
    public static string RequireFolder()
    {
        string? folder = FindFolder();
        Assert.SkipWhen(folder is null, Absent);
        return folder!;
    }

    public static IEnumerable<HydraCase> All() => FindFolder() is { } folder
        ? Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal)
            .SelectMany(file => JsonNode.Parse(File.ReadAllText(file))!["cases"]!.AsArray())
            .Select(node => new HydraCase((string)node!["name"]!, node.AsObject()))
        : [];

    /// <summary>Writes a config as the cases do: order of keys kept, and a number with a point or an exponent is a float.</summary>
    public static string Json(ConfigNode node) => node switch
    {
        ConfigMapping mapping => "{" + string.Join(',', mapping.Entries.Select(entry => $"{JsonSerializer.Serialize(entry.Key)}:{Json(entry.Value)}")) + "}",
        ConfigSequence list => "[" + string.Join(',', list.Items.Select(Json)) + "]",
        ConfigScalar { Type: ScalarKind.Null } => "null",
        ConfigScalar { Type: ScalarKind.Boolean } scalar => scalar.Boolean ? "true" : "false",
        ConfigScalar { Type: ScalarKind.Integer } scalar => scalar.Integer.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ConfigScalar { Type: ScalarKind.Number } scalar => Json(scalar.Number),
        ConfigScalar { Type: ScalarKind.Broken } => "broken",
        ConfigScalar scalar => JsonSerializer.Serialize(scalar.Text),
        _ => throw new InvalidOperationException(node.Kind),
    };

    public static string Json(JsonNode? node)
    {
        switch (node)
        {
            case null:
                return "null";
            case JsonObject special when special.Count == 1 && special.ContainsKey("$float"):
                return "float " + (string)special["$float"]!;
            case JsonObject map:
                return "{" + string.Join(',', map.Select(entry => $"{JsonSerializer.Serialize(entry.Key)}:{Json(entry.Value)}")) + "}";
            case JsonArray list:
                return "[" + string.Join(',', list.Select(Json)) + "]";
            default:
                string raw = node.ToJsonString();
                return node.GetValueKind() == JsonValueKind.Number && raw.AsSpan().IndexOfAny('.', 'e', 'E') >= 0
                    ? Json(double.Parse(raw, System.Globalization.CultureInfo.InvariantCulture))
                    : node.GetValueKind() == JsonValueKind.String ? JsonSerializer.Serialize((string)node!) : raw;
        }
    }

    private static string Json(double number) => "float " + (double.IsNaN(number) ? "nan" : double.IsInfinity(number) ? number > 0 ? "inf" : "-inf" : number.ToString("R", System.Globalization.CultureInfo.InvariantCulture));
}
