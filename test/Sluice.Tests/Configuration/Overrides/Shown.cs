using System.Text.Json.Nodes;
using Sluice.Configuration;

namespace Sluice.Tests.Configuration.Overrides;

/// <summary>Writes values so that their types show: text in quotes, numbers as Python prints them.</summary>
internal static class Shown
{
    public static string Of(ConfigNode node) => node switch
    {
        ConfigSequence list => $"[{string.Join(",", list.Items.Select(Of))}]",
        ConfigMapping mapping => $"{{{string.Join(",", mapping.Entries.Select(entry => $"{entry.Key}:{Of(entry.Value)}"))}}}",
        ConfigScalar { Type: ScalarKind.Text } text => $"'{text.Text}'",
        var scalar => ScalarText.Of((ConfigScalar)scalar),
    };

    /// <summary>Writes a recorded value in the same way.</summary>
    public static string Of(JsonNode? node) => node switch
    {
        null => "None",
        JsonArray list => $"[{string.Join(",", list.Select(Of))}]",
        JsonObject { Count: 1 } special when special["$float"] is { } number => number.GetValue<string>(),
        JsonObject mapping => $"{{{string.Join(",", mapping.Select(entry => $"{entry.Key}:{Of(entry.Value)}"))}}}",
        _ => node.GetValueKind() switch
        {
            System.Text.Json.JsonValueKind.String => $"'{node.GetValue<string>()}'",
            System.Text.Json.JsonValueKind.True => "True",
            System.Text.Json.JsonValueKind.False => "False",
            _ => node.ToJsonString(),
        },
    };
}
