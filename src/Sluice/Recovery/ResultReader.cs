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
    private const int GroupSize = 1024;
    private const int GroupBytes = 1024 * 1024;

    /// <summary>Reads a file to its end.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="origin">Where its answers come from.</param>
    /// <param name="untilForeign">Whether a first line that is not ours means that none is, so that the rest need not be read.</param>
    /// <param name="cancellationToken">Ends the reading; what was stored stays.</param>
    public async Task<AdoptReport> ReadAsync(Stream stream, ResponseOrigin origin, bool untilForeign, CancellationToken cancellationToken)
    {
        using var lines = new LineReader(stream, MaxLineBytes);
        using var bodies = new PooledBytes(GroupBytes);
        var entries = new List<CacheEntry>(GroupSize);
        var report = new AdoptReport();
        while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (lines.Line.Span.Trim(" \r\t"u8).IsEmpty && !lines.TooLong)
            {
                continue;
            }

            if (entries.Count == GroupSize || !bodies.Fits(lines.Line.Length))
            {
                report = await StoreAsync(report).ConfigureAwait(false);
            }

            if (lines.TooLong || Read(lines.Line) is not { } line || !CustomId.TryParse(line.CustomId.Span, out _, out var key))
            {
                report = report with { Others = report.Others + 1 };
                if (untilForeign && report.Responses + report.Failed == 0)
                {
                    return report;
                }
            }
            else if (line.Error is not null)
            {
                report = report with { Failed = report.Failed + 1 };
            }
            else
            {
                report = report with { Responses = report.Responses + 1 };
                entries.Add(new CacheEntry(key, bodies.Add(line.Body.Span), line.Usage) { Origin = origin });
            }
        }

        return await StoreAsync(report).ConfigureAwait(false);

        async Task<AdoptReport> StoreAsync(AdoptReport soFar)
        {
            var added = await cache.PutAsync(entries, cancellationToken).ConfigureAwait(false);
            entries.Clear();
            bodies.Clear();
            return soFar with { New = soFar.New + added };
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
