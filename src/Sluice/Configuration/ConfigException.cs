namespace Sluice.Configuration;

/// <summary>What is wrong with a configuration, by the stage that met it.</summary>
internal enum ConfigErrorKind
{
    /// <summary>A file is no YAML, or no config.</summary>
    Yaml,

    /// <summary>An override cannot be parsed.</summary>
    OverrideSyntax,

    /// <summary>A function in an override cannot be evaluated.</summary>
    OverrideFunction,

    /// <summary>A config file does not exist.</summary>
    MissingConfig,

    /// <summary>Defaults lists do not fit together.</summary>
    Composition,

    /// <summary>A key is not there to be changed, or is there and was to be added.</summary>
    Struct,

    /// <summary>A value has a type that its place does not allow.</summary>
    Type,

    /// <summary>A mapping meets a list.</summary>
    MergeType,

    /// <summary>A value is not possible here.</summary>
    InvalidValue,

    /// <summary>A <c>${...}</c> leads nowhere.</summary>
    Interpolation,

    /// <summary>A <c>${...}</c> cannot be parsed.</summary>
    InterpolationSyntax,
}

/// <summary>What cannot be read or composed as a configuration; becomes one mistake of its file.</summary>
internal sealed class ConfigException(ConfigErrorKind kind, SourceMark mark, string message, string? hint = null) : Exception(message)
{
    public ConfigErrorKind Kind { get; } = kind;

    public SourceMark Mark { get; } = mark;

    public string? Hint { get; } = hint;

    /// <summary>Gives the same error with the place of an override that does not come from the command line.</summary>
    public ConfigException FromCommandLineAt(SourceMark mark) => Mark == SourceMark.CommandLine && mark != Mark ? new(Kind, mark, Message, Hint) : this;
}
