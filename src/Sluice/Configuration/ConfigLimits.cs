namespace Sluice.Configuration;

/// <summary>What a configuration may be at most, so that a hostile or broken file is refused quickly instead of filling the
/// memory.</summary>
internal static class ConfigLimits
{
    /// <summary>Bytes of one file.</summary>
    public const int FileBytes = 1024 * 1024;

    /// <summary>Values after aliases and interpolations are put in.</summary>
    public const int Nodes = 100_000;

    /// <summary>Characters of all keys and values after aliases and interpolations are put in.</summary>
    public const int Characters = 4 * 1024 * 1024;

    /// <summary>Levels of mappings and lists.</summary>
    public const int Depth = 64;

    /// <summary>Jobs of a multirun: each is an experiment with files of its own.</summary>
    public const int Jobs = 100_000;

    /// <summary>Characters of one key.</summary>
    public const int KeyCharacters = 128;

    /// <summary>Characters between <c>${</c> and <c>}</c>.</summary>
    public const int ReferenceCharacters = 1000;

    /// <summary>How many interpolations may lead from one to the next.</summary>
    public const int References = 64;

    /// <summary>Says which limit the node breaks, or null when it is within all of them.</summary>
    public static string? Broken(ConfigNode node) => node switch
    {
        { Nodes: > Nodes } => "more than 100,000 values, aliases and interpolations included",
        { Characters: > Characters } => "more than 4 MiB of text, aliases and interpolations included",
        { Depth: > Depth } => "nested deeper than 64 levels",
        _ => null,
    };
}
