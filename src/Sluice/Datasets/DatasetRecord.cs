namespace Sluice.Datasets;

/// <summary>One record of a dataset, whatever its format, as a UTF-8 JSON object.</summary>
/// <param name="Id">The value of the id field, or the record's number in the file.</param>
/// <param name="Number">The record's number in the file, from 0, offset included.</param>
/// <param name="Line">The line the record starts on, from 1, for messages; row number for Parquet.</param>
/// <param name="Json">A UTF-8 JSON object. The memory is the receiver's own: it stays valid after the reader moves on.</param>
public readonly record struct DatasetRecord(string Id, long Number, long Line, ReadOnlyMemory<byte> Json);
