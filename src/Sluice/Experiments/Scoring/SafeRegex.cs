using System.Text.RegularExpressions;

namespace Sluice.Experiments.Scoring;

/// <summary>Makes regular expressions that cannot hang the program, whoever wrote them and whatever they are applied to.</summary>
internal static class SafeRegex
{
    /// <summary>Gets the longest time that one search may take.</summary>
    public static TimeSpan TimeOut { get; } = TimeSpan.FromSeconds(1);

    /// <summary>Makes an expression; in linear time where its features allow, else with a time-out.</summary>
    /// <exception cref="ArgumentException">The pattern is no regular expression.</exception>
    public static Regex Create(string pattern, bool ignoreCase)
    {
        RegexOptions options = RegexOptions.CultureInvariant | (ignoreCase ? RegexOptions.IgnoreCase : RegexOptions.None);
        try
        {
            return new Regex(pattern, options | RegexOptions.NonBacktracking, TimeOut);
        }
        catch (NotSupportedException)
        {
            // Look-around, back references and a few more need backtracking.
            return new Regex(pattern, options, TimeOut);
        }
    }
}
