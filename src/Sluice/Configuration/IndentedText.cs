namespace Sluice.Configuration;

/// <summary>A YAML text in which lines are indented further than written: inside quotes and brackets indentation means nothing to PyYAML,
/// but YamlDotNet wants some.</summary>
/// <param name="written">The text as written.</param>
internal sealed class IndentedText(string written)
{
    /// <summary>How many characters are read anew at most: each line that is indented makes the whole text be read again.</summary>
    private const long MostRead = 16 * 1024 * 1024;

    private readonly string[] _lines = written.Split('\n');
    private readonly Dictionary<int, int> _added = [];
    private long _read;

    public override string ToString() => _added.Count == 0 ? written
        : string.Join('\n', _lines.Select((line, place) => new string(' ', AddedTo(place + 1)) + line));

    /// <summary>Gets how many blanks a line got, which is counted from 1.</summary>
    public int AddedTo(int line) => _added.GetValueOrDefault(line);

    /// <summary>Gets a line as written.</summary>
    public string Line(int line) => _lines.ElementAtOrDefault(line - 1) ?? "";

    /// <summary>Indents a line further than any block above it; false when that was done, or would take too long.</summary>
    public bool TryIndent(int line)
    {
        _read += written.Length;
        if (line < 2 || line > _lines.Length || _read > MostRead)
        {
            return false;
        }

        int least = 1 + _lines.Take(line - 1).Max(static above => above.Length - above.AsSpan().TrimStart(" -?").Length);
        int has = _lines[line - 1].Length - _lines[line - 1].AsSpan().TrimStart(' ').Length;
        return has < least && _added.TryAdd(line, least - has);
    }
}
