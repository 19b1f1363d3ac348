namespace Sluice.Datasets;

/// <summary>JSON Lines: each line that is not blank is a record.</summary>
internal sealed class JsonLinesSource(Stream stream, int maxRecordBytes) : IRecordSource
{
    private readonly LineReader _lines = new(stream, maxRecordBytes);

    public long Line => _lines.Number;

    public string LineWord => "line";

    public bool WritesJson => false;

    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken)
    {
        while (await _lines.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_lines.TooLong || !JsonRecord.Trim(_lines.Line.Span).IsEmpty)
            {
                return true;
            }
        }

        return false;
    }

    public string? Take(out ReadOnlyMemory<byte> json)
    {
        if (_lines.TooLong)
        {
            json = default;
            return JsonRecord.TooLong(maxRecordBytes);
        }

        json = JsonRecord.Trim(_lines.Line.Span).ToArray();
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        _lines.Dispose();
        await stream.DisposeAsync().ConfigureAwait(false);
    }
}
