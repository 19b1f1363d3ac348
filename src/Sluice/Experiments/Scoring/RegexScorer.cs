using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace Sluice.Experiments.Scoring;

/// <summary>The target, a regular expression, matches somewhere in the answer.</summary>
internal sealed class RegexScorer : Scorer
{
    // Most experiments have one target or one per sample; more than this are not worth keeping.
    private const int MaxCached = 256;
    private readonly ConcurrentDictionary<string, Regex> _cache = new(StringComparer.Ordinal);

    public RegexScorer(ScoreOptions options)
        : base(options)
    {
        if (options.TargetPattern is not null)
        {
            throw ScoreError.Of(options.Name, "target_pattern does not go with the type regex, whose target is a pattern itself");
        }
    }

    private protected override bool IsRight(string? answer, string target)
    {
        Regex regex = Expression(target);
        try
        {
            return answer is not null && regex.IsMatch(answer);
        }
        catch (RegexMatchTimeoutException error)
        {
            throw ScoreError.Of(
                Options.Name,
                $"the target {ScoreError.Quote(target)} takes more than {SafeRegex.TimeOut.TotalSeconds} s on a text of {answer!.Length} characters",
                "avoid nested repetition, look-around and back references",
                error);
        }
    }

    private Regex Expression(string target)
    {
        if (_cache.TryGetValue(target, out Regex? regex))
        {
            return regex;
        }

        try
        {
            regex = SafeRegex.Create(target, Options.IgnoreCase);
        }
        catch (ArgumentException error)
        {
            throw ScoreError.Of(
                Options.Name, $"the target {ScoreError.Quote(target)} is no regular expression: {error.Message}", "for plain text use the type includes", error);
        }

        if (_cache.Count >= MaxCached)
        {
            _cache.Clear();
        }

        _cache[target] = regex;
        return regex;
    }
}
