using Spectre.Console;

namespace Sluice.Cli;

/// <summary>Data goes to stdout, everything else to stderr; each has its own idea of whether somebody is looking.</summary>
internal static class Terminal
{
    /// <summary>Gets the console for data.</summary>
    public static IAnsiConsole Out { get; } = Create(Console.Out, Console.IsOutputRedirected);

    /// <summary>Gets the console for messages and progress.</summary>
    public static IAnsiConsole Log { get; } = Create(Console.Error, Console.IsErrorRedirected);

    /// <summary>Gets whether progress may be drawn.</summary>
    public static bool IsWatched => !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>Prints an error and what to do about it.</summary>
    public static void Error(string message, string? hint)
    {
        Log.Write(new Text("error: ", new Style(Color.Red, decoration: Decoration.Bold)));
        Line(message);
        if (hint is not null)
        {
            Hint(hint);
        }
    }

    /// <summary>Prints a hint.</summary>
    public static void Hint(string hint)
    {
        Log.Write(new Text("hint: ", new Style(Color.Aqua)));
        Line(hint);
    }

    /// <summary>Prints a warning.</summary>
    public static void Warning(string message)
    {
        Log.Write(new Text("warning: ", new Style(Color.Yellow)));
        Line(message);
    }

    /// <summary>Prints a line of plain text to stderr: not wrapped, control characters shown as spaces.</summary>
    public static void Line(string text) => Console.Error.WriteLine(Clean(text));

    /// <summary>Prints a line of data to stdout: not wrapped, since it may hold a command to copy.</summary>
    public static void Print(string text) => Console.Out.WriteLine(Clean(text));

    /// <summary>Makes foreign text safe for a terminal; line feeds stay.</summary>
    public static string Clean(string text) => text.Any(c => char.IsControl(c) && c != '\n')
        ? string.Concat(text.Select(c => char.IsControl(c) && c != '\n' ? ' ' : c))
        : text;

    private static IAnsiConsole Create(TextWriter writer, bool redirected)
    {
        var plain = redirected || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } || Environment.GetEnvironmentVariable("TERM") == "dumb";
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = plain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = redirected ? InteractionSupport.No : InteractionSupport.Yes,
        });
        if (redirected)
        {
            // A table in a file or pipe is not cut to the width of a terminal that is not there.
            console.Profile.Width = 200;
        }

        return console;
    }
}
