namespace Sluice.Caching.Exchange;

/// <summary>Lines of files that could not be taken in: all are counted, the first ones are named.</summary>
public sealed class BrokenLines
{
    private const int MostNamed = 20;

    private readonly List<string> _named = new(MostNamed);

    /// <summary>Gets how many there are.</summary>
    public long Count { get; private set; }

    /// <summary>Adds a line.</summary>
    /// <param name="file">The file's name.</param>
    /// <param name="line">The line's number, from 1.</param>
    /// <param name="problem">What is wrong with it.</param>
    internal void Add(string file, long line, string problem)
    {
        Count++;
        if (_named.Count < MostNamed)
        {
            _named.Add($"{file}, line {line}: {problem}");
        }
    }

    /// <summary>Returns one error for all of them, or null when there are none.</summary>
    /// <param name="responses">How many answers were taken in all the same.</param>
    public SluiceException? ToError(long responses) => Count == 0 ? null : new(
        ErrorKind.Usage,
        string.Join('\n', (string[])[Count == 1 ? "1 line cannot be taken in:" : $"{Count} lines cannot be taken in:", .. _named, .. Count > MostNamed ? (string[])[$"... and {Count - MostNamed} more"] : []]),
        $"the other lines gave {responses} {(responses == 1 ? "response" : "responses")}, which {(responses == 1 ? "is" : "are")} kept; mend these and import again");
}
