namespace Sluice.Configuration;

/// <summary>Where a key or value was written.</summary>
/// <param name="File">The file as the user named it, or <see cref="CommandLineName"/>.</param>
/// <param name="Line">The line, from 1; 0 on the command line.</param>
/// <param name="Column">The column, from 1; 0 on the command line.</param>
internal readonly record struct SourceMark(string File, int Line, int Column)
{
    public const string CommandLineName = "command line";

    public static SourceMark CommandLine { get; } = new(CommandLineName, 0, 0);

    public override string ToString() => Line == 0 ? File : $"{File}:{Line}:{Column}";
}
