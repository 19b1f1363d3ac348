namespace Sluice.Configuration;

/// <summary>Finds the known name that a misspelt one was probably meant to be.</summary>
internal static class NearestName
{
    private const int Compared = 1000;

    /// <summary>Finds the nearest of the known names, or null when none is near; letter case decides only between equals.</summary>
    public static string? Of(string name, IEnumerable<string> known)
    {
        string? nearest = null;
        (int Letters, int Case) best = (Allowed(name.Length), int.MaxValue);
        foreach (string candidate in known.Take(Compared))
        {
            if (Math.Abs(candidate.Length - name.Length) > best.Letters || candidate == name)
            {
                continue;
            }

            (int, int) distance = (Distance(name.ToLowerInvariant(), candidate.ToLowerInvariant()), Distance(name, candidate));
            if (distance.CompareTo(best) < 0)
            {
                (nearest, best) = (candidate, distance);
            }
        }

        return nearest;
    }

    /// <summary>Phrases the nearest name as a hint, or gives null.</summary>
    public static string? Hint(string name, IEnumerable<string> known) =>
        Of(name, known) is { } nearest ? $"did you mean \"{nearest}\"?" : null;

    /// <summary>Counts the insertions, deletions, replacements and swaps of neighbours that turn one into the other.</summary>
    public static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            rows[i, 0] = i;
        }

        for (int j = 0; j <= b.Length; j++)
        {
            rows[0, j] = j;
        }

        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(replaced, 1 + Math.Min(rows[i - 1, j], rows[i, j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], 1 + rows[i - 2, j - 2]);
                }
            }
        }

        return rows[a.Length, b.Length];
    }

    // A third of the letters may be wrong, but a short name always has room for one slip, and nothing long is compared.
    private static int Allowed(int length) => length > 256 ? -1 : Math.Max(1, length / 3);
}
