using System.Text;

namespace Sluice.Configuration.Overrides;

/// <summary>Says what is wrong at which place of an override.</summary>
internal static class OverrideMistake
{
    private const int ShownBefore = 60;
    private const int ShownAfter = 20;

    /// <summary>Makes the error of a text that is no override.</summary>
    public static ConfigException Syntax(string text, int place, string what) =>
        new(ConfigErrorKind.OverrideSyntax, SourceMark.CommandLine, Message(text, place, what), Hint(text));

    /// <summary>Makes the error of a function that cannot be evaluated.</summary>
    public static ConfigException Function(string text, int place, string what) =>
        new(ConfigErrorKind.OverrideFunction, SourceMark.CommandLine, Message(text, place, what));

    /// <summary>Makes the error of a sweep that cannot be expanded.</summary>
    public static ConfigException Sweep(string what) => new(ConfigErrorKind.OverrideFunction, SourceMark.CommandLine, what);

    private static string Message(string text, int place, string what)
    {
        int first = Math.Max(0, place - ShownBefore);
        int end = Math.Min(text.Length, place + ShownAfter);
        string before = (first > 0 ? "…" : "") + text[first..place];
        string after = text[place..end] + (end < text.Length ? "…" : "");
        string caret = new string(' ', before.Length) + '^';
        return $"override {Say.Quoted(text)}, character {place + 1}: {what}\n    {OneLine(before + after)}\n    {caret}";
    }

    private static string OneLine(string text)
    {
        var line = new StringBuilder(text);
        for (int i = 0; i < line.Length; i++)
        {
            line[i] = char.IsControl(line[i]) ? ' ' : line[i];
        }

        return line.ToString();
    }

    private static string Hint(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string start = equals is > 0 and < ShownBefore ? text[..equals] : "key";
        return $"quote a value that is to be taken as text, and the whole argument for the shell: '{start}=\"...\"'";
    }
}
