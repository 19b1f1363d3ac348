namespace Sluice.Configuration.Interpolation;

/// <summary>A key as an interpolation writes it: <c>a.b</c>, <c>a[0].b</c>, <c>..x</c>.</summary>
/// <param name="Dots">The leading dots: none for a key counted from the top, one for a sibling, and one more per container up.</param>
/// <param name="Segments">The keys, from the outermost.</param>
/// <param name="Text">The key as written.</param>
internal readonly record struct KeyPath(int Dots, IReadOnlyList<string> Segments, string Text)
{
    /// <summary>Splits a key; whatever stands in brackets is one segment, dots included.</summary>
    public static KeyPath Parse(string text)
    {
        int dots = text.Length - text.AsSpan().TrimStart('.').Length;
        var segments = new List<string>();
        for (int at = dots; at < text.Length;)
        {
            bool bracket = text[at] == '[';
            at += bracket || (text[at] == '.' && at > dots) ? 1 : 0;
            int end = bracket ? text.IndexOf(']', at) : text.AsSpan(at).IndexOfAny('.', '[') is >= 0 and var length ? at + length : -1;
            end = end < 0 ? text.Length : end;
            segments.Add(text[at..end]);
            at = bracket ? end + 1 : end;
        }

        return new KeyPath(dots, segments, text);
    }
}
