using System.Text.Json;
using Sluice.Configuration;
using Sluice.Configuration.Interpolation;
using Sluice.Tests.Configuration.Composition;

namespace Sluice.Tests.Configuration.Interpolation;

/// <summary>Configs of which is recorded what Hydra makes of them; only those that need nothing but interpolation.</summary>
public sealed class RecordedInterpolationTests
{
    private static readonly string[] Files = ["interp", "ov_interp", "resolver_*", "dirs"];

    [Fact]
    public void Configs_are_resolved_as_Hydra_does()
    {
        string folder = HydraCase.RequireFolder();
        var failures = new List<string>();
        int count = 0;
        foreach (string file in Files.SelectMany(pattern => Directory.GetFiles(folder, pattern + ".json")))
        {
            using var document = JsonDocument.Parse(File.ReadAllText(file));
            foreach (JsonElement recorded in document.RootElement.GetProperty("cases").EnumerateArray().Where(NeedsOnlyInterpolation))
            {
                count++;
                if (Difference(recorded) is { } difference)
                {
                    failures.Add($"{recorded.GetProperty("name")}: {difference}");
                }
            }
        }

        Assert.Empty(failures);
        Assert.True(count >= 40, $"only {count} cases");
    }

    private static bool NeedsOnlyInterpolation(JsonElement recorded)
    {
        JsonProperty[] files = [.. recorded.GetProperty("files").EnumerateObject()];
        return recorded.GetProperty("mode").GetString() == "run"
            && (!recorded.TryGetProperty("overrides", out JsonElement overrides) || overrides.GetArrayLength() == 0)
            && files is [var primary]
            && !primary.Value.GetString()!.Contains("defaults:", StringComparison.Ordinal);
    }

    private static string? Difference(JsonElement recorded)
    {
        string? actual;
        JsonElement expect = recorded.GetProperty("expect");
        try
        {
            var root = (ConfigMapping)YamlReader.Read(recorded.GetProperty("files").EnumerateObject().Single().Value.GetString()!, "f");
            Check(root);
            var config = new Interpolated(root, Interpolated.Context(name =>
                recorded.TryGetProperty("env", out JsonElement environment) && environment.ValueKind == JsonValueKind.Object
                && environment.TryGetProperty(name, out JsonElement value) ? value.GetString() : null));
            ConfigMapping resolved = config.Interpolator.ResolveAll().Without("hydra");
            actual = config.Errors.Count > 0 ? "interpolation " + config.Errors[0].Message : Written(resolved);
        }
        catch (ConfigException exception)
        {
            actual = "interpolation_syntax " + exception.Message;
        }

        if (expect.TryGetProperty("error_contains", out JsonElement error))
        {
            return actual.StartsWith(expect.GetProperty("error_kind").GetString() + " ", StringComparison.Ordinal)
                && actual.Contains(error.GetString()!, StringComparison.Ordinal) ? null : $"{actual} instead of {error}";
        }

        string expected = Written(expect.GetProperty("configs")[0]);
        return actual == expected ? null : $"{actual} instead of {expected}";
    }

    private static void Check(ConfigNode node)
    {
        switch (node)
        {
            case ConfigMapping mapping:
                mapping.Entries.ToList().ForEach(static entry => Check(entry.Value));
                break;
            case ConfigSequence sequence:
                sequence.Items.ToList().ForEach(Check);
                break;
            case ConfigScalar scalar:
                InterpolationSyntax.Check(scalar);
                break;
        }
    }

    private static string Written(ConfigNode node) => PythonText.Literal(node);

    /// <summary>Writes what is expected as <see cref="PythonText"/> writes a node, which keeps order and kinds of numbers.</summary>
    private static string Written(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object when element.TryGetProperty("$float", out JsonElement number) => number.GetString()!,
        JsonValueKind.Object => "{" + string.Join(", ", element.EnumerateObject().Select(static entry =>
            $"{PythonText.Literal(ConfigScalar.OfText(entry.Name, default))}: {Written(entry.Value)}")) + "}",
        JsonValueKind.Array => "[" + string.Join(", ", element.EnumerateArray().Select(Written)) + "]",
        JsonValueKind.String => PythonText.Literal(ConfigScalar.OfText(element.GetString()!, default)),
        JsonValueKind.Number => PythonText.Literal(ScalarTyping.TypeOf(element.GetRawText(), default)),
        JsonValueKind.True => "True",
        JsonValueKind.False => "False",
        _ => "None",
    };
}
