namespace Sluice.Datasets;

/// <summary>Counts what one reading of a dataset met.</summary>
/// <remarks>Not synchronised: it belongs to whoever enumerates the records, and is complete when the enumeration has ended.</remarks>
public sealed class DatasetReadStats
{
    private const int MessagesKept = 5;
    private readonly List<string> _messages = new(MessagesKept);

    /// <summary>Gets how many records were handed out.</summary>
    public long Read { get; private set; }

    /// <summary>Gets how many broken records were left out; always 0 with <see cref="RecordErrorPolicy.Fail"/>.</summary>
    public long Skipped { get; private set; }

    /// <summary>Gets what was wrong with the first few of the records left out, each with file and line.</summary>
    public IReadOnlyList<string> Messages => _messages;

    internal void CountRead() => Read++;

    internal void CountSkipped(string message)
    {
        Skipped++;
        if (_messages.Count < MessagesKept)
        {
            _messages.Add(message);
        }
    }
}
