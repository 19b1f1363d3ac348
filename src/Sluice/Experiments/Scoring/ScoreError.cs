namespace Sluice.Experiments.Scoring;

internal static class ScoreError
{
    private const int QuoteLength = 120;

    public static SluiceException Of(string score, string message, string? hint = null, Exception? inner = null) =>
        new(ErrorKind.Usage, $"score '{score}': {message}", hint, inner);

    /// <summary>Shows a text of any length in a message; of a long one its end, since answers stand at the end.</summary>
    public static string Quote(string text) => text.Length <= QuoteLength ? $"'{text}'" : $"'...{text[^QuoteLength..]}'";
}
