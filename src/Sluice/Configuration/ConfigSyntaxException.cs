namespace Sluice.Configuration;

/// <summary>Text that cannot be read as a configuration; becomes one mistake of its file.</summary>
internal sealed class ConfigSyntaxException(SourceMark mark, string message, string? hint = null) : Exception(message)
{
    public SourceMark Mark { get; } = mark;

    public string? Hint { get; } = hint;
}
