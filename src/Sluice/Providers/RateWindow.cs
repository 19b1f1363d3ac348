using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;

namespace Sluice.Providers;

/// <summary>Reads when a closed rate window opens again, wherever a provider tells it: in headers of any name, or in the body.</summary>
internal static partial class RateWindow
{
    /// <summary>Negative, absent-minded or huge values happen in the field: this is the longest we sleep on an answer's word.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    private static readonly TimeSpan LongestReset = TimeSpan.FromDays(1);
    private const int MostText = 8 * 1024;

    /// <summary>Returns how long an error asks to wait; null when it does not say so.</summary>
    /// <param name="headers">The answer's headers: <c>retry-after-ms</c>, <c>retry-after</c> as seconds (fractions too) or a date.</param>
    /// <param name="body">The answer's body.</param>
    /// <param name="isRateLimit">Whether the error is a rate limit: then the body and the reset of the closed window count as well.</param>
    /// <param name="time">The clock that dates are compared with.</param>
    public static TimeSpan? Asked(HttpResponseHeaders headers, ReadOnlySpan<byte> body, bool isRateLimit, TimeProvider time)
    {
        if (RetryAfter(headers, time) is { } asked)
        {
            return asked;
        }

        return isRateLimit ? OfText(Encoding.UTF8.GetString(body[..Math.Min(body.Length, MostText)])) ?? Reset(Windows(headers, time)) : null;
    }

    /// <summary>Reads <c>retry-after-ms</c> and <c>retry-after</c>.</summary>
    public static TimeSpan? RetryAfter(HttpResponseHeaders headers, TimeProvider time)
    {
        if (ProviderHttp.Header(headers, "retry-after-ms") is { } ms && double.TryParse(ms, NumberStyles.Float, CultureInfo.InvariantCulture, out var milliseconds))
        {
            return Clamp(milliseconds / 1000, Longest);
        }

        if (ProviderHttp.Header(headers, "retry-after") is not { } text)
        {
            return null;
        }

        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds))
        {
            return Clamp(seconds, Longest);
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? Clamp((at - time.GetUtcNow()).TotalSeconds, Longest)
            : null;
    }

    /// <summary>Reads words such as <c>retry in 38.2s</c>, <c>try again in 6m0s</c>, <c>retry after 26 seconds</c>, <c>"retryDelay": "38s"</c>.</summary>
    public static TimeSpan? OfText(string text)
    {
        if (Member().Match(text) is { Success: true } member && double.TryParse(member.Groups["value"].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
        {
            return Clamp(member.Groups["ms"].Success ? value / 1000 : value, Longest);
        }

        if (Words().Match(text) is not { Success: true } words)
        {
            return null;
        }

        if (words.Groups["clock"] is { Success: true } clock)
        {
            return TimeSpan.TryParse(clock.ValueSpan, CultureInfo.InvariantCulture, out var span) ? Clamp(span.TotalSeconds, Longest) : null;
        }

        var seconds = 0.0;
        foreach (Match part in Part().Matches(words.Groups["span"].Value))
        {
            seconds += double.Parse(part.Groups["n"].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture) * Unit(part.Groups["unit"].Value);
        }

        return Clamp(seconds, Longest);
    }

    /// <summary>Reads what the headers say about the room that is left.</summary>
    public static RateLimits Limits(HttpResponseHeaders headers, TimeProvider time)
    {
        var windows = Windows(headers, time);
        var (requests, tokens) = (Tightest(windows.Where(w => !IsTokens(w.Key))), Tightest(windows.Where(w => IsTokens(w.Key))));
        return new RateLimits(requests.Remaining, requests.Reset, tokens.Remaining, tokens.Reset);

        static bool IsTokens(string name) => name.Contains("token", StringComparison.Ordinal);

        // Services have windows per minute and per day, of input and of output: the one that is closed for longest counts.
        static Window Tightest(IEnumerable<KeyValuePair<string, Window>> all) =>
            all.Select(w => w.Value).OrderBy(w => w.Remaining ?? long.MaxValue).ThenByDescending(w => w.Reset ?? TimeSpan.Zero).FirstOrDefault();
    }

    /// <summary>Reads a duration like <c>1s</c>, <c>6m0s</c>, <c>120ms</c>, <c>1h2m3.5s</c>.</summary>
    public static TimeSpan? Duration(string? text) =>
        text is not null && Whole().IsMatch(text) ? Clamp(Part().Matches(text).Sum(p => double.Parse(p.Groups["n"].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture) * Unit(p.Groups["unit"].Value)), LongestReset) : null;

    /// <summary>The windows by name: <c>x-ratelimit-remaining-NAME</c> and <c>-reset-NAME</c>, <c>anthropic-ratelimit-NAME-remaining</c> and <c>-reset</c>, <c>ratelimit-remaining</c> and <c>-reset</c>.</summary>
    private static Dictionary<string, Window> Windows(HttpResponseHeaders headers, TimeProvider time)
    {
        var windows = new Dictionary<string, Window>();
        foreach (var (header, values) in headers.NonValidated)
        {
            var name = header.ToLowerInvariant();
            if (!name.Contains("ratelimit", StringComparison.Ordinal) && !name.Contains("rate-limit", StringComparison.Ordinal))
            {
                continue;
            }

            var (isReset, isRemaining) = (name.Contains("reset", StringComparison.Ordinal), name.Contains("remaining", StringComparison.Ordinal));
            var window = name.Replace("-reset", "", StringComparison.Ordinal).Replace("-remaining", "", StringComparison.Ordinal);
            var known = windows.GetValueOrDefault(window);
            if (isRemaining && long.TryParse(values.ToString(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var left))
            {
                windows[window] = known with { Remaining = left };
            }
            else if (isReset && Until(values.ToString().Trim(), time) is { } reset)
            {
                windows[window] = known with { Reset = reset };
            }
        }

        return windows;
    }

    /// <summary>Of a refused call: when every closed window is open again; when none is told to be closed, when the first one begins anew.</summary>
    private static TimeSpan? Reset(Dictionary<string, Window> windows)
    {
        var closed = windows.Values.Where(w => w.Remaining <= 0).Select(w => w.Reset).Max();
        return closed ?? windows.Values.Select(w => w.Reset).Where(r => r > TimeSpan.Zero).Min();
    }

    /// <summary>Reads a duration, a number of seconds, a Unix time in seconds or milliseconds, or a date.</summary>
    private static TimeSpan? Until(string text, TimeProvider time)
    {
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            var now = (double)time.GetUtcNow().ToUnixTimeMilliseconds();
            return Clamp(number > 1e11 ? (number - now) / 1000 : number > 1e9 ? number - (now / 1000) : number, LongestReset);
        }

        return Duration(text)
            ?? (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? Clamp((at - time.GetUtcNow()).TotalSeconds, LongestReset) : null);
    }

    private static double Unit(string name) => name.ToLowerInvariant() switch
    {
        "ms" or "millisecond" or "milliseconds" => 0.001,
        ['d', ..] => 86400,
        ['h', ..] => 3600,
        ['m', ..] => 60,
        _ => 1,
    };

    private static TimeSpan? Clamp(double seconds, TimeSpan most) => double.IsNaN(seconds) ? null : TimeSpan.FromSeconds(Math.Clamp(seconds, 0, most.TotalSeconds));

    private readonly record struct Window(long? Remaining, TimeSpan? Reset);

    // Parts stand without a gap, as in 6m0s: what follows a unit may be the next number.
    private const string OnePart = @"\d{1,12}(?:\.\d{1,12})?\s{0,2}(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d)(?![a-z])";
    private const string NextPart = @"(?:,? and |, ?| )?";

    [GeneratedRegex("""(?:retry_?delay|retry_?after(?:_seconds|(?<ms>_ms))?)\\?"\s*:\s*\\?"?(?<value>\d{1,12}(?:\.\d{1,12})?)s?\\?["\s,}]""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Member();

    [GeneratedRegex(@"(?:retry|try again|replenished|resets?|available again)[a-z ]{0,30}\b(?:in|after)\s+(?:about |approximately )?(?:(?<clock>\d{1,2}:\d\d:\d\d)|(?<span>(?:" + OnePart + NextPart + @")+))", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Words();

    [GeneratedRegex(@"(?<n>\d{1,12}(?:\.\d{1,12})?)\s{0,2}(?<unit>milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d)(?![a-z])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Part();

    [GeneratedRegex(@"^(?:\d{1,12}(?:\.\d{1,12})?(?:ms|s|m|h|d))+$", RegexOptions.CultureInvariant)]
    private static partial Regex Whole();
}
