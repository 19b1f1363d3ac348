using System.CommandLine;
using System.Globalization;

namespace Sluice.Cli.Commands.Cache;

/// <summary>Reads options that are whole numbers, and says what was expected where they are none.</summary>
internal static class WholeNumber
{
    /// <summary>Returns what an option says; null when it is not given.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="option">The option.</param>
    /// <param name="least">The least number that has a meaning.</param>
    /// <exception cref="SluiceException">It is no such number.</exception>
    public static long? Of(ParseResult parsed, Option<string?> option, long least) => parsed.GetValue(option) is not { } text ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least ? number
        : throw new SluiceException(ErrorKind.Usage, $"{option.Name}: `{text}` is no number that can be meant", $"expected is a whole number from {least} on, in digits alone");
}
