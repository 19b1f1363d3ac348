using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Sluice.Simulator.Faults;

/// <summary>Reads fault scripts and says clearly what is wrong with them.</summary>
internal static class FaultScriptReader
{
    private static readonly string[] RuleFields = ["when", "times", "skip", "fault"];
    private static readonly string[] WhenFields = ["provider", "operation", "match", "model", "share"];

    public static List<FaultRule> Read(string json, string source)
    {
        try
        {
            using var document = JsonDocument.Parse(
                json, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            if (document.RootElement.ValueKind != JsonValueKind.Array)
            {
                throw new InvalidDataException($"{source}: A fault script is a JSON array of rules.");
            }

            var rules = new List<FaultRule>();
            foreach (var rule in document.RootElement.EnumerateArray())
            {
                rules.Add(ReadRule(rule, $"{source}: rule {rules.Count + 1}"));
            }

            return rules;
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{source}: {error.Message}", error);
        }
    }

    /// <summary>Reads one fault again that a batch was stored with.</summary>
    public static Fault ReadFault(string raw)
    {
        using var document = JsonDocument.Parse(raw);
        return ReadFault(document.RootElement, "stored fault").Fault;
    }

    private static FaultRule ReadRule(JsonElement json, string where)
    {
        Demand(json, where, RuleFields);
        if (!json.TryGetProperty("fault", out var faultJson))
        {
            throw new InvalidDataException($"{where} has no \"fault\".");
        }

        var (fault, entry) = ReadFault(faultJson, where);
        var rule = new FaultRule(fault, entry.Scope)
        {
            Operation = "",
            Times = Number(json, "times", 1, where),
            Skip = Number(json, "skip", 0, where),
        };
        if (json.TryGetProperty("when", out var when))
        {
            Demand(when, where, WhenFields);
            rule = rule with
            {
                Api = ReadApi(Text(when, "provider", where), entry, where),
                Operation = Text(when, "operation", where) ?? "",
                Match = Text(when, "match", where) is { } match ? Encoding.UTF8.GetBytes(match) : null,
                Model = Text(when, "model", where),
                Share = Real(when, "share", 1, where),
            };
        }

        return rule with { Operation = OperationOf(rule.Operation, entry, where) };
    }

    private static (Fault Fault, FaultEntry Entry) ReadFault(JsonElement json, string where)
    {
        if (json.ValueKind != JsonValueKind.Object || Text(json, "type", where) is not { } name)
        {
            throw new InvalidDataException($"{where}: \"fault\" must be an object with a \"type\".");
        }

        var entry = FaultTable.Find(name) ?? throw new InvalidDataException(
            $"{where}: unknown fault \"{name}\". Known are: {string.Join(", ", FaultTable.Entries.Select(known => known.Name))}.");
        foreach (var property in json.EnumerateObject())
        {
            if (property.Name != "type" && !entry.ParameterNames.Contains(property.Name))
            {
                var known = entry.ParameterNames.Count == 0 ? "it takes none" : "it takes " + string.Join(", ", entry.ParameterNames);
                throw new InvalidDataException($"{where}: fault \"{name}\" has no parameter \"{property.Name}\"; {known}.");
            }
        }

        var defaults = new Fault(entry.Kind);
        return (defaults with
        {
            Raw = json.GetRawText(),
            Status = Number(json, "status", defaults.Status, where),
            Message = Text(json, "message", where),
            Code = Text(json, "code", where),
            ErrorType = Text(json, "error_type", where),
            Param = Text(json, "param", where),
            Line = json.TryGetProperty("line", out _) ? Number(json, "line", 0, where) : null,
            Body = Text(json, "body", where),
            ContentType = Text(json, "content_type", where),
            Html = Flag(json, "html", false, where),
            Headers = ReadHeaders(json, where),
            RetryAfter = ReadRetryAfter(json, where),
            After = Flag(json, "after", false, where),
            Seconds = Real(json, "seconds", defaults.Seconds, where),
            Fraction = Real(json, "fraction", defaults.Fraction, where),
            ContentLength = Flag(json, "content_length", true, where),
            Gets = Number(json, "gets", defaults.Gets, where),
            State = Text(json, "state", where) ?? defaults.State,
            Members = Flag(json, "members", false, where),
            Attempts = json.TryGetProperty("attempts", out _) ? Number(json, "attempts", 1, where) : null,
            Bytes = json.TryGetProperty("bytes", out _) ? LongNumber(json, "bytes", where) : null,
        }, entry);
    }

    private static Api? ReadApi(string? name, FaultEntry entry, string where) => name switch
    {
        null => null,
        "openai" => Api.OpenAI,
        "anthropic" when entry.OnlyOpenAI => throw new InvalidDataException($"{where}: fault \"{entry.Name}\" exists for openai only."),
        "anthropic" => Api.Anthropic,
        _ => throw new InvalidDataException($"{where}: unknown provider \"{name}\". Known are: openai, anthropic."),
    };

    private static string OperationOf(string operation, FaultEntry entry, string where)
    {
        string[] allowed = entry.Scope switch
        {
            FaultScope.Batch => [Operations.Create],
            FaultScope.Line => [Operations.Line],
            FaultScope.Download => [Operations.Content, Operations.Results],
            _ => Operations.Exchanges,
        };
        if (operation.Length == 0 && allowed.Length == 1)
        {
            return allowed[0];
        }

        return allowed.Contains(operation) ? operation : throw new InvalidDataException(
            $"{where}: fault \"{entry.Name}\" does not work on operation \"{operation}\"; it works on {string.Join(", ", allowed)}.");
    }

    private static List<KeyValuePair<string, string>> ReadHeaders(JsonElement json, string where)
    {
        if (!json.TryGetProperty("headers", out var headers))
        {
            return [];
        }

        return headers.ValueKind == JsonValueKind.Object
            ? [.. headers.EnumerateObject().Select(header => KeyValuePair.Create(header.Name, HeaderText(header.Value, header.Name, where)))]
            : throw new InvalidDataException($"{where}: \"headers\" must be an object.");
    }

    private static string? ReadRetryAfter(JsonElement json, string where) => !json.TryGetProperty("retry_after", out var value) ? null
        : value.ValueKind is JsonValueKind.Number or JsonValueKind.String ? HeaderText(value, "retry_after", where)
        : throw new InvalidDataException($"{where}: \"retry_after\" must be a number or a text.");

    /// <summary>Takes a number or text verbatim, if a header can hold it.</summary>
    private static string HeaderText(JsonElement value, string name, string where) => value.ToString() is var text && text.Any(char.IsControl)
        ? throw new InvalidDataException($"{where}: \"{name}\" has a control character, which a header cannot hold.")
        : text;

    private static void Demand(JsonElement json, string where, string[] fields)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"{where} must be an object with {string.Join(", ", fields)}.");
        }

        foreach (var property in json.EnumerateObject())
        {
            if (!fields.Contains(property.Name))
            {
                throw new InvalidDataException($"{where}: unknown field \"{property.Name}\". Known are: {string.Join(", ", fields)}.");
            }
        }
    }

    private static string? Text(JsonElement json, string name, string where) => !json.TryGetProperty(name, out var value) ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw new InvalidDataException($"{where}: \"{name}\" must be a text.");

    private static int Number(JsonElement json, string name, int otherwise, string where) => !json.TryGetProperty(name, out var value) ? otherwise
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number
        : throw new InvalidDataException($"{where}: \"{name}\" must be a whole number.");

    private static long LongNumber(JsonElement json, string name, string where) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number
        : throw new InvalidDataException($"{where}: \"{name}\" must be a whole number.");

    private static double Real(JsonElement json, string name, double otherwise, string where) => !json.TryGetProperty(name, out var value) ? otherwise
        : value.ValueKind == JsonValueKind.Number ? value.GetDouble()
        : throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{where}: \"{name}\" must be a number."));

    private static bool Flag(JsonElement json, string name, bool otherwise, string where) => !json.TryGetProperty(name, out var value) ? otherwise
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw new InvalidDataException($"{where}: \"{name}\" must be true or false.");
}
