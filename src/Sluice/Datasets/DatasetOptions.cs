namespace Sluice.Datasets;

/// <summary>What to do with a record that cannot be read.</summary>
public enum RecordErrorPolicy
{
    /// <summary>Stop and name file and line.</summary>
    Fail,

    /// <summary>Leave the record out and count it.</summary>
    Skip,
}

/// <summary>Which records to read, from where.</summary>
public sealed record DatasetOptions
{
    /// <summary>Gets the file; its name decides the format: <c>.jsonl</c>, <c>.csv</c>, <c>.tsv</c>, <c>.parquet</c>, each also with <c>.gz</c> or <c>.zst</c>.</summary>
    public required string Path { get; init; }

    /// <summary>Gets the format (<c>jsonl</c>, <c>csv</c>, <c>tsv</c>, <c>parquet</c>) when the file's name does not tell.</summary>
    public string? Format { get; init; }

    /// <summary>Gets the field that names a sample; null means the record's number in the file, from 0.</summary>
    public string? Id { get; init; }

    /// <summary>Gets how many records to skip at the start.</summary>
    public long Offset { get; init; }

    /// <summary>Gets how many records to read after the offset; null means all.</summary>
    public long? Limit { get; init; }

    /// <summary>Gets what happens to a record that cannot be read.</summary>
    public RecordErrorPolicy OnError { get; init; } = RecordErrorPolicy.Fail;

    /// <summary>Gets the largest record accepted, in bytes of its line; default 64 MiB.</summary>
    public int MaxRecordBytes { get; init; } = 64 * 1024 * 1024;
}
