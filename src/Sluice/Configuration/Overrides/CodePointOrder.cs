using System.Text;

namespace Sluice.Configuration.Overrides;

/// <summary>Orders texts by code points, as Python does; .NET's ordinal order puts emoji before some older letters.</summary>
internal static class CodePointOrder
{
    public static Comparer<string> Comparer { get; } = Comparer<string>.Create(Compare);

    public static int Compare(string first, string second)
    {
        int same = first.AsSpan().CommonPrefixLength(second);
        if (same == first.Length || same == second.Length)
        {
            return first.Length.CompareTo(second.Length);
        }

        // A difference in the second half of a pair is decided by the whole pair, and so is any other.
        return char.IsSurrogate(first[same]) == char.IsSurrogate(second[same])
            ? first[same].CompareTo(second[same])
            : char.IsSurrogate(first[same]) ? 1 : -1;
    }
}
