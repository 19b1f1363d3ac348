namespace Sluice.Configuration.Overrides;

/// <summary>Reads a whole override.</summary>
internal static class OverrideReader
{
    public static Override Read(string text)
    {
        OverrideKey key = OverrideKey.Read(text);
        bool hasValue = key.End < text.Length;
        return hasValue || key.Kind == OverrideKind.Delete
            ? new Override(key.Kind, key.Key, key.Package, hasValue ? Value(text, key.End + 1) : null, text)
            : throw OverrideMistake.Syntax(text, key.End, "a value is expected: key=value");
    }

    private static OverrideValue Value(string text, int start)
    {
        start = OverrideLexer.SkipBlanks(text, start);
        return IsTemplate(text.AsSpan(start)) ? ScalarElement.OfText(text[start..]) : new OverrideValueReader(text, start).Read();
    }

    // Ours, not Hydra's, which refuses these: a Jinja or Liquid template needs no quotes.
    private static bool IsTemplate(ReadOnlySpan<char> value) =>
        value.StartsWith("{{", StringComparison.Ordinal)
        || (value.StartsWith("{%", StringComparison.Ordinal) && value.Contains("%}", StringComparison.Ordinal));
}
