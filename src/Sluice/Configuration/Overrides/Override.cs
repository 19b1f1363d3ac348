namespace Sluice.Configuration.Overrides;

/// <summary>One change to a configuration, or a sweep over several.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Key">The key or group without prefix and package: <c>db</c>, <c>server/db</c>, <c>a.b.0</c>.</param>
/// <param name="Package">What stands after <c>@</c>, or null; an empty one is the top.</param>
/// <param name="Value">The value; null only for <c>~key</c>, and <c>key=</c> is an empty text.</param>
/// <param name="Text">The text as given, or as rewritten for a job.</param>
internal sealed record Override(OverrideKind Kind, string Key, string? Package, OverrideValue? Value, string Text)
{
    /// <summary>Gets where it is written.</summary>
    public SourceMark Mark { get; init; } = SourceMark.CommandLine;

    /// <summary>Gets the prefix, key and package: what makes two overrides of a sweep the same one.</summary>
    public string InputKey => Prefix + Key + (Package is null ? "" : "@" + Package);

    /// <summary>Gets the keys from the top.</summary>
    public IReadOnlyList<string> Path => Key.Split('.');

    /// <summary>Gets whether it stands for several values, if only by its form: <c>choice(1)</c>.</summary>
    public bool IsSweep => Value is OverrideSweep;

    /// <summary>Gets whether it concerns Hydra's own settings and not the job's config.</summary>
    public bool IsHydra => Key.StartsWith("hydra.", StringComparison.Ordinal) || Key.StartsWith("hydra/", StringComparison.Ordinal);

    private string Prefix => Kind switch
    {
        OverrideKind.Add => "+",
        OverrideKind.Force => "++",
        OverrideKind.Delete => "~",
        _ => "",
    };

    /// <summary>Reads an override.</summary>
    /// <exception cref="ConfigException">It is none, or a function in it cannot be evaluated.</exception>
    public static Override Parse(string text) => text.Length <= OverrideLimits.Characters
        ? OverrideReader.Read(text)
        : throw new ConfigException(ConfigErrorKind.OverrideSyntax, SourceMark.CommandLine,
            $"override {Say.Quoted(text)}: {text.Length:N0} characters are too many",
            $"put long values into a config file; {OverrideLimits.Characters:N0} characters are the limit");

    /// <summary>Gives the override of a job, with one value and the text that Hydra shows for it.</summary>
    /// <remarks>As in Hydra, a job is what its text says: <c>choice("5")</c> and <c>str(5)</c> give the job <c>x=5</c> with a number.
    /// Where the text would say nothing at all (<c>choice("a#b")</c>, which fails in Hydra), the value is quoted instead.</remarks>
    public Override With(OverrideElement value) =>
        (ReadBack(value) ?? ReadBack(value.Quoted()) ?? this with { Value = value, Text = Written(value) }) with { Mark = Mark };

    /// <summary>Gives the same for an override that is no sweep; <c>~key</c> becomes <c>~key=null</c>, as in Hydra.</summary>
    public Override Normalized() => Value switch
    {
        null => With(ScalarElement.Null),
        OverrideElement element => With(element),
        _ => throw new InvalidOperationException($"'{Text}' is a sweep"),
    };

    /// <summary>Refuses a sweep where there is to be one value.</summary>
    /// <exception cref="ConfigException">It is a sweep.</exception>
    public void RequireSingle()
    {
        if (Value is OverrideSweep sweep)
        {
            throw new ConfigException(ConfigErrorKind.Composition, SourceMark.CommandLine, sweep is ChoiceSweep { Simple: true }
                ? $"Ambiguous value for argument '{Text}'\n"
                    + "1. To use it as a list, use key=[value1,value2]\n"
                    + "2. To use it as string, quote the value: key=\\'value1,value2\\'\n"
                    + "3. To sweep over it, add --multirun to your command line"
                : $"Sweep parameters '{Text}' requires --multirun");
        }
    }

    private string Written(OverrideElement value) => $"{InputKey}={value.JobText}";

    private Override? ReadBack(OverrideElement value)
    {
        string text = Written(value);
        try
        {
            return OverrideReader.Read(text) is { Value: OverrideElement } read ? read : null;
        }
        catch (ConfigException)
        {
            return null;
        }
    }
}
