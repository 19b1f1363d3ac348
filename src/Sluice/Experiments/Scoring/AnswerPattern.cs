using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Sluice.Experiments.Scoring;

/// <summary>Finds the answer in a text: the first group, or the whole, of the last match.</summary>
internal sealed class AnswerPattern
{
    private readonly string _score;
    private readonly string _option;
    private readonly Regex _regex;

    private AnswerPattern(string score, string option, Regex regex) => (_score, _option, _regex) = (score, option, regex);

    /// <summary>Makes the pattern of an option; null when the option is not set.</summary>
    public static AnswerPattern? Create(string score, string option, string? pattern)
    {
        if (pattern is null)
        {
            return null;
        }

        try
        {
            return new AnswerPattern(score, option, SafeRegex.Create(pattern, ignoreCase: false));
        }
        catch (ArgumentException error)
        {
            throw ScoreError.Of(score, $"{option} '{pattern}' is no regular expression: {error.Message}", inner: error);
        }
    }

    /// <summary>Returns the answer, or null when nothing matches.</summary>
    public string? Find(string text)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            Match? last = null;
            for (Match match = _regex.Match(text); match.Success; match = match.NextMatch())
            {
                last = match;
                if (Stopwatch.GetElapsedTime(start) > SafeRegex.TimeOut)
                {
                    throw TooSlow(text, inner: null);
                }
            }

            return last is null ? null
                : last.Groups.Count > 1 && last.Groups[1].Success ? last.Groups[1].Value
                : last.Value;
        }
        catch (RegexMatchTimeoutException error)
        {
            throw TooSlow(text, error);
        }
    }

    private SluiceException TooSlow(string text, Exception? inner) => ScoreError.Of(
        _score,
        $"{_option} '{_regex}' takes more than {SafeRegex.TimeOut.TotalSeconds} s on a text of {text.Length} characters",
        "avoid nested repetition, look-around and back references",
        inner);
}
