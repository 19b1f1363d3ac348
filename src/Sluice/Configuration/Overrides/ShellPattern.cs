namespace Sluice.Configuration.Overrides;

/// <summary>Matches names against patterns with <c>*</c>, <c>?</c>, <c>[abc]</c>, <c>[a-z]</c> and <c>[!abc]</c>.</summary>
internal static class ShellPattern
{
    /// <summary>Whether the whole name matches; the work is at most the product of both lengths.</summary>
    public static bool Matches(ReadOnlySpan<char> name, ReadOnlySpan<char> pattern)
    {
        (int at, int place) = (0, 0);
        (int retryAt, int retryPlace) = (-1, 0);
        while (at < name.Length)
        {
            if (place < pattern.Length && pattern[place] == '*')
            {
                (retryAt, retryPlace) = (at, ++place);
            }
            else if (place < pattern.Length && MatchesOne(name[at], pattern[place..], out int length))
            {
                at++;
                place += length;
            }
            else if (retryAt >= 0)
            {
                // The last * takes one more character.
                (at, place) = (++retryAt, retryPlace);
            }
            else
            {
                return false;
            }
        }

        return pattern[place..].IndexOfAnyExcept('*') < 0;
    }

    private static bool MatchesOne(char c, ReadOnlySpan<char> pattern, out int length)
    {
        length = 1;
        if (pattern[0] != '[')
        {
            return pattern[0] == '?' || pattern[0] == c;
        }

        bool negated = pattern is [_, '!', ..];
        int first = negated ? 2 : 1;

        // A ] right at the beginning stands for itself, and a [ that nothing closes too.
        int close = first + 1 < pattern.Length ? pattern[(first + 1)..].IndexOf(']') : -1;
        if (close < 0)
        {
            return c == '[';
        }

        ReadOnlySpan<char> set = pattern.Slice(first, close + 1);
        length = first + set.Length + 1;
        return Holds(set, c) != negated;
    }

    private static bool Holds(ReadOnlySpan<char> set, char c)
    {
        for (int i = 0; i < set.Length; i++)
        {
            bool isRange = i + 2 < set.Length && set[i + 1] == '-';
            if (isRange ? c >= set[i] && c <= set[i + 2] : c == set[i])
            {
                return true;
            }

            i += isRange ? 2 : 0;
        }

        return false;
    }
}
