using System.Text.RegularExpressions;
using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>Binds <c>scores</c>.</summary>
internal static class ScoreBinder
{
    private static readonly string[] Types = ["exact", "includes", "regex", "numeric", "choice"];

    public static IReadOnlyList<ScoreOptions> Bind(MappingBinder experiment)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        return [.. (experiment.Mappings("scores", ExperimentFields.Score) ?? []).Select(binder => Score(binder, names))];
    }

    private static ScoreOptions Score(MappingBinder binder, Dictionary<string, string> names)
    {
        binder.RefuseUnknown();
        string? name = binder.Text("name", required: true);
        if (name is not null && !names.TryAdd(name, binder.Path))
        {
            binder.Mistake("name", $"{Say.Quoted(name)} is also the name of {names[name]}; score names must differ");
        }

        string? type = binder.OneOf("type", Types, "scorer", required: true);
        string? target = binder.Text("target", required: true, mayBeEmpty: true);
        if (type == "regex" && target is not null && !target.Contains("{{", StringComparison.Ordinal)
            && !target.Contains("{%", StringComparison.Ordinal))
        {
            CheckPattern(binder, "target", target);
        }

        return new ScoreOptions
        {
            Name = name ?? "",
            Type = type ?? "",
            Value = binder.Text("value", required: true) ?? "",
            Target = target ?? "",
            Pattern = Pattern(binder, "pattern"),
            TargetPattern = Pattern(binder, "target_pattern"),
            IgnoreCase = binder.Boolean("ignore_case", fallback: false),
            Tolerance = binder.Number("tolerance") ?? new ScoreOptions { Name = "", Type = "", Value = "", Target = "" }.Tolerance,
        };
    }

    private static string? Pattern(MappingBinder binder, string name)
    {
        string? pattern = binder.Text(name);
        if (pattern is not null)
        {
            CheckPattern(binder, name, pattern);
        }

        return pattern;
    }

    private static void CheckPattern(MappingBinder binder, string name, string pattern)
    {
        try
        {
            _ = new Regex(pattern, RegexOptions.CultureInvariant);
        }
        catch (RegexParseException exception)
        {
            binder.Mistake(name, $"{Say.Quoted(pattern)} is no regular expression: {exception.Error} at character {exception.Offset}");
        }
    }
}
