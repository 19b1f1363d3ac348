using static Sluice.Configuration.Overrides.NumberShape;

namespace Sluice.Configuration.Overrides;

/// <summary>The part of an override before <c>=</c>.</summary>
/// <param name="Kind">What the prefix says.</param>
/// <param name="Key">The key or group.</param>
/// <param name="Package">The package, or null.</param>
/// <param name="End">The place after it.</param>
internal readonly record struct OverrideKey(OverrideKind Kind, string Key, string? Package, int End)
{
    public static OverrideKey Read(string text)
    {
        (OverrideKind kind, int start) = text switch
        {
            ['+', '+', ..] => (OverrideKind.Force, 2),
            ['+', ..] => (OverrideKind.Add, 1),
            ['~', ..] => (OverrideKind.Delete, 1),
            _ => (OverrideKind.Change, 0),
        };
        int end = PathEnd(text, start);
        if (end == start)
        {
            throw OverrideMistake.Syntax(text, start, $"a key is expected, found {Found(text, start)}");
        }

        if (text[start..end] is var first && !IsPath(first))
        {
            throw OverrideMistake.Syntax(text, start, $"{Say.Quoted(first)} is no key: keys begin with a letter or _");
        }

        end = At(text, end) == '/' ? GroupEnd(text, start, end) : end;
        string key = text[start..end];
        if (key.AsSpan().Count('.') >= ConfigLimits.Depth)
        {
            throw OverrideMistake.Syntax(text, start, $"the key has more than {ConfigLimits.Depth} levels");
        }

        string? package = null;
        if (At(text, end) == '@')
        {
            int at = end + 1;
            end = PathEnd(text, at);
            package = text[at..end];
            if (package.Length > 0 && !IsPath(package))
            {
                throw OverrideMistake.Syntax(text, at, $"{Say.Quoted(package)} is no package: packages begin with a letter or _");
            }
        }

        return end == text.Length || text[end] == '=' ? new OverrideKey(kind, key, package, end)
            : throw OverrideMistake.Syntax(text, end, $"{Found(text, end)} is not allowed in a key");
    }

    // Names with slashes between them; no dots, and no $.
    private static int GroupEnd(string text, int start, int end)
    {
        while (true)
        {
            if (text.AsSpan(start, end - start).IndexOfAny('.', '$') is >= 0 and var odd)
            {
                throw OverrideMistake.Syntax(text, start + odd, $"{Found(text, start + odd)} is not allowed in a group");
            }

            if (At(text, end) != '/')
            {
                return end;
            }

            start = end + 1;
            end = PathEnd(text, start);
            if (end == start || !IsNameStart(text[start]))
            {
                throw OverrideMistake.Syntax(text, start, $"the name of a group is expected, found {Found(text, start)}");
            }
        }
    }

    private static int PathEnd(string text, int start)
    {
        int end = start;
        while (end < text.Length && (IsNamePart(text[end]) || text[end] == '.'))
        {
            end++;
        }

        return end;
    }

    // Dots stand between names and numbers; a number alone is none.
    private static bool IsPath(string text)
    {
        string[] parts = text.Split('.');
        return parts.All(static part => part.Length > 0 && (IsNameStart(part[0]) || Unsigned(part) == part.Length))
            && (parts.Length > 1 || IsNameStart(text[0]));
    }

    private static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c is '_' or '$';

    private static bool IsNamePart(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' or '-';

    private static char At(string text, int place) => place < text.Length ? text[place] : '\0';

    private static string Found(string text, int place) => place < text.Length ? $"'{Say.Short(text[place].ToString())}'" : "the end";
}
