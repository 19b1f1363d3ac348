using Sluice.Caching;
using Sluice.Datasets;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Recovery;

/// <summary>Reads result files of which nothing is known but their lines, and puts every answer to a request of ours into the cache.</summary>
internal sealed class ResultReader(IResponseCache cache, IReadOnlyList<IDialect> dialects)
{
    private const int MaxLineBytes = 64 * 1024 * 1024;
    private const int GroupSize = CacheEntry.GroupSize;
    private const int GroupBytes = 1024 * 1024;

    /// <summary>Gets what has been read and stored so far, of all files.</summary>
    public AdoptReport Report { get; private set; } = new();

    /// <summary>Reads a file to its end. When it ends too early, what came before is kept.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="origin">Where its answers come from.</param>
    /// <param name="untilForeign">Whether a first line that is not ours means that none is, so that the rest need not be read.</param>
    /// <param name="cancellationToken">Ends the reading; what was stored stays.</param>
    public async Task ReadAsync(Stream stream, ResponseOrigin origin, bool untilForeign, CancellationToken cancellationToken)
    {
        using var lines = new LineReader(stream, MaxLineBytes);
        using var bodies = new PooledBytes(GroupBytes);
        var entries = new List<CacheEntry>(GroupSize);
        try
        {
            await ReadAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or ProviderException)
        {
            // Whole lines before a cut are as good as ever; those of damaged data are not.
            await StoreAsync().ConfigureAwait(false);
            throw;
        }

        await StoreAsync().ConfigureAwait(false);

        async Task ReadAsync()
        {
            while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (lines.Line.Span.Trim(" \r\t"u8).IsEmpty && !lines.TooLong)
                {
                    continue;
                }

                if (entries.Count == GroupSize || !bodies.Fits(lines.Line.Length))
                {
                    await StoreAsync().ConfigureAwait(false);
                }

                if (lines.TooLong || Read(lines.Line) is not { } line)
                {
                    Report = Report with { Unreadable = Report.Unreadable + 1 };
                }
                else if (!CustomId.TryParse(line.CustomId.Span, out _, out var key))
                {
                    Report = Report with { Others = Report.Others + 1 };
                }
                else if (line.Error is not null)
                {
                    Report = Report with { Failed = Report.Failed + 1 };
                }
                else
                {
                    entries.Add(new CacheEntry(key, bodies.Add(line.Body.Span), line.Usage) { Origin = origin });
                }

                if (untilForeign && Report.Responses + Report.Failed + entries.Count == 0)
                {
                    return;
                }
            }
        }

        async Task StoreAsync()
        {
            var added = await cache.PutAsync(entries, cancellationToken: cancellationToken).ConfigureAwait(false);
            Report = Report with { Responses = Report.Responses + entries.Count, New = Report.New + added };
            entries.Clear();
            bodies.Clear();
        }
    }

    /// <summary>Reads a line in whichever dialect it is written; null when it is in none.</summary>
    private BatchLine? Read(ReadOnlyMemory<byte> line)
    {
        BatchLine? failed = null;
        foreach (var dialect in dialects)
        {
            try
            {
                // In another's dialect an answer may look like a failure, never the other way round.
                var read = dialect.ReadBatchLine(line);
                if (read.Error is null)
                {
                    return read;
                }

                failed ??= read;
            }
            catch (FormatException)
            {
                // Then it may be another's.
            }
        }

        return failed;
    }
}
