using System.Text.RegularExpressions;

namespace Sluice.Experiments.Scoring;

/// <summary>Finds the letter that a text chooses, A to Z.</summary>
/// <remarks>
/// The surest sign wins, and of equal ones the last, since models correct themselves: the text is only a letter; "the answer is
/// B"; <c>\boxed{B}</c>; a label at the start, as in "B) Paris", when no other letter follows; a bold letter; a letter in
/// brackets; a letter that stands alone, unless it is the word "A" or "I". Every repetition that could multiply is bounded, so
/// that no text takes more than linear time.
/// </remarks>
internal static partial class ChoiceText
{
    private const RegexOptions Options = RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture;

    /// <summary>Returns the letter that a text of any length chooses, or null.</summary>
    public static char? FindLetter(string text) =>
        OnlyLetter(text)
        ?? Last(Stated(), text)
        ?? Last(Boxed(), text)
        ?? OnlyLabel(text)
        ?? Last(Bold(), text)
        ?? Last(Bracketed(), text)
        ?? Last(Alone(), text);

    /// <summary>Returns the letter when a target is one, alone or as a label: <c>B</c>, <c>(b)</c>, <c>B. Paris</c>; else null.</summary>
    public static char? LabelOf(string target) => OnlyLetter(target) ?? Letter(Label().Match(target));

    private static char? OnlyLetter(ReadOnlySpan<char> text)
    {
        ReadOnlySpan<char> bare = text.Trim().Trim("*_`\"'()[]{}<>.:,;!$ ");
        return bare.Length == 1 && char.IsAsciiLetter(bare[0]) ? char.ToUpperInvariant(bare[0]) : null;
    }

    private static char? OnlyLabel(string text)
    {
        if (Letter(Label().Match(text)) is not { } label)
        {
            return null;
        }

        foreach (ValueMatch match in Alone().EnumerateMatches(text))
        {
            if (text[match.Index] != label)
            {
                return null;
            }
        }

        return label;
    }

    private static char? Last(Regex regex, string text)
    {
        char? last = null;
        for (Match match = regex.Match(text); match.Success; match = match.NextMatch())
        {
            last = Letter(match);
        }

        return last;
    }

    private static char? Letter(Match match) => match.Success ? match.Groups["letter"].ValueSpan[0] : null;

    // "The answer is B", "**Answer:** (B)", "the correct option would be: $\boxed{\text{B}}$"; not "the answer is I think ...".
    [GeneratedRegex(
        @"\b(?i:answer|correct\s+(option|choice|letter|one))\b[^\w.]{0,20}((?i:is|be|would|should|must|will|option|choice|letter|most|likely|clearly|therefore|boxed|text|textbf|mathbf|mathrm)\b[^\w.]{0,20}){0,6}(?<letter>[A-Z])\b(?!'|\u2019|(?<=I)\s+[a-z])",
        Options)]
    private static partial Regex Stated();

    [GeneratedRegex(@"\\boxed\s*\{\W{0,5}((text|textbf|mathbf|mathrm)\s*\{\W{0,5})?(?<letter>[A-Z])\b", Options)]
    private static partial Regex Boxed();

    // At the start: "B) Paris", "(B) Paris", "B. Paris", "B: Paris", "**B**, because".
    [GeneratedRegex(@"^\s*[*_(\[]{0,4}(?<letter>[A-Z])([)\].:]|\*\*)", Options)]
    private static partial Regex Label();

    [GeneratedRegex(@"\*\*\s*\(?(?<letter>[A-Z])([).:][^*\n]{0,200})?\s*\*\*", Options)]
    private static partial Regex Bold();

    [GeneratedRegex(@"[(\[](?<letter>[A-Z])[)\]]", Options)]
    private static partial Regex Bracketed();

    [GeneratedRegex(@"(?<![\w'\u2019])(?<letter>[A-Z])(?![\w'\u2019])(?!(?<=[AI])\s+[a-z])", Options)]
    private static partial Regex Alone();
}
