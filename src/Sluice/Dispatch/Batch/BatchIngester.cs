using System.Text;
using System.Text.Json;
using Sluice.Caching;
using Sluice.Datasets;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Takes a batch's results over, line by line, into the cache. Idempotent: reading the same file twice changes nothing.</summary>
internal sealed class BatchIngester(LedgerStore ledger, IResponseCache cache, string spoolFolder, int maxAttempts)
{
    internal const int MaxLineBytes = 64 * 1024 * 1024;
    private const int GroupSize = CacheEntry.GroupSize;
    private const int GroupBytes = 1024 * 1024;

    /// <summary>Reads all result files of an ended batch.</summary>
    /// <param name="intent">Whose they are.</param>
    /// <param name="info">What the provider says of the batch.</param>
    /// <param name="provider">The provider.</param>
    /// <param name="acceptMissing">Whether requests without a line have failed, rather than to be looked for again.</param>
    /// <param name="cancellationToken">Ends the reading; what has been read stays.</param>
    /// <exception cref="ProviderException">A file could not be read to its end.</exception>
    public async Task<IngestReport> ReadAsync(Intent intent, BatchInfo info, IProvider provider, bool acceptMissing, CancellationToken cancellationToken)
    {
        using var requests = Spool.StoresRequests(spoolFolder, intent.Id) && File.Exists(SpoolPath(intent)) ? await SpoolBodies.OpenAsync(SpoolPath(intent), provider.Dialect, cancellationToken).ConfigureAwait(false) : null;
        using var reading = new Reading(new ResponseOrigin(intent.Provider.Provider, intent.Model, info.Id), intent, requests);
        foreach (var file in info.ResultFiles)
        {
            CrashPoint.Hit("provider.results.before");
            var stream = await provider.Batch!.OpenResultsAsync(file, cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await ReadLinesAsync(stream, reading, provider.Dialect, cancellationToken).ConfigureAwait(false);
            }

            CrashPoint.Hit("provider.results.after");
        }

        await StoreAsync(reading, cancellationToken).ConfigureAwait(false);
        if (intent.IsProvisional && reading.IsForeign)
        {
            return reading.Report(intent.Count);
        }

        // Each request settled exactly once means that none is missing; duplicates or an earlier, interrupted reading need a closer look.
        var isWhole = reading.NewlyStored + reading.NewlyFailed == intent.Count;
        return reading.Report(isWhole ? 0 : await FindMissingAsync(intent, acceptMissing, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Closes an intent whose results have been read: its answers are synced to disk first.</summary>
    public async Task<Intent> CloseAsync(Intent intent, IngestReport report, IDialect dialect, CancellationToken cancellationToken)
    {
        CrashPoint.Hit("cache.sync.before");
        await cache.SyncAsync(cancellationToken).ConfigureAwait(false);
        CrashPoint.Hit("cache.sync.after");
        var settled = ledger.MarkIngested(intent, report.Usage, report.Responses, BatchEnvelope.Size(dialect));
        Spool.Delete(spoolFolder, intent.Id);
        return settled;
    }

    /// <summary>Tells whether every request of an intent is answered or has a failed try: its results were taken over, and only the last step is missing.</summary>
    public async Task<bool> IsSettledAsync(Intent intent, CancellationToken cancellationToken) =>
        await FindMissingAsync(intent, record: false, cancellationToken, most: 1).ConfigureAwait(false) == 0;

    private async Task ReadLinesAsync(Stream stream, Reading reading, IDialect dialect, CancellationToken cancellationToken)
    {
        using var lines = new LineReader(stream, MaxLineBytes);
        while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (lines.TooLong)
            {
                reading.Surplus++;
                reading.FirstError ??= $"result line {lines.Number} has more than {MaxLineBytes} bytes";
                continue;
            }

            var line = lines.Line;
            if (line.Span.Trim(" \r\t"u8).IsEmpty)
            {
                continue;
            }

            if (reading.Entries.Count + reading.Failures.Count >= GroupSize || !reading.Bodies.Fits(line.Length) || reading.RequestBytes > GroupBytes)
            {
                await StoreAsync(reading, cancellationToken).ConfigureAwait(false);
            }

            reading.Add(line, dialect);
        }
    }

    private async Task StoreAsync(Reading reading, CancellationToken cancellationToken)
    {
        reading.NewlyStored += await cache.PutAsync(reading.Entries, reading.Intent.CreatedAt, cancellationToken).ConfigureAwait(false);
        if (reading.Failures.Count > 0)
        {
            reading.NewlyFailed += ledger.RecordFailedTries(reading.Intent, reading.Failures, maxAttempts);
        }

        reading.Clear();
    }

    /// <summary>Compares the spool with cache and ledger: what is neither answered nor failed has no result line. Gives up when there are as many as asked for.</summary>
    private async Task<int> FindMissingAsync(Intent intent, bool record, CancellationToken cancellationToken, int most = int.MaxValue)
    {
        if (!File.Exists(SpoolPath(intent)))
        {
            return 0;
        }

        var missing = 0;
        var keys = new List<RequestKey>(GroupSize);
        var file = new FileStream(SpoolPath(intent), FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan | FileOptions.Asynchronous);
        await using var _ = file.ConfigureAwait(false);
        using var lines = new LineReader(file, int.MaxValue - 1);
        while (missing < most && await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            try
            {
                keys.Add(Spool.KeyOf(lines.Line.Span));
            }
            catch (FormatException)
            {
                // A damaged spool no longer tells this request. Once the batch is closed, the next replay meets it again.
                missing++;
            }

            if (keys.Count == GroupSize)
            {
                missing += await CheckAsync().ConfigureAwait(false);
            }
        }

        return missing + await CheckAsync().ConfigureAwait(false);

        async Task<int> CheckAsync()
        {
            var found = new CachedResponse?[keys.Count];
            await cache.GetAsync(keys.ToArray(), found, intent.CreatedAt, cancellationToken).ConfigureAwait(false);
            var lost = keys.Where((key, i) => found[i] is null && ledger.Find(key) is { Standing: Standing.InFlight } standing && standing.Holder == intent.Row).ToList();
            if (record && lost.Count > 0)
            {
                ledger.RecordFailedTries(intent, [.. lost.Select(key => new FailedTry(key, "the batch ended without a result line for this request", IsFinal: false))], maxAttempts);
            }

            keys.Clear();
            return lost.Count;
        }
    }

    private string SpoolPath(Intent intent) => Spool.PathOf(spoolFolder, intent.Id);

    /// <summary>What has been read and not yet stored, and counts of all.</summary>
    private sealed class Reading(ResponseOrigin origin, Intent intent, SpoolBodies? requests) : IDisposable
    {
        private readonly byte[] _intentId = Encoding.ASCII.GetBytes(intent.Id);
        private int _responses;
        private int _others;
        private int _retryable;
        private int _failed;
        private TokenUsage _usage;

        public Intent Intent => intent;

        public List<CacheEntry> Entries { get; } = new(GroupSize);

        public PooledBytes Bodies { get; } = new(GroupBytes);

        /// <summary>Gets how large the requests are together that wait with the answers.</summary>
        public long RequestBytes { get; private set; }

        public List<FailedTry> Failures { get; } = [];

        /// <summary>Gets whether there are lines, and all of them answer requests of other intents.</summary>
        public bool IsForeign => _others > 0 && _responses + _retryable + _failed == 0;

        public int NewlyStored { get; set; }

        public int NewlyFailed { get; set; }

        public int Surplus { get; set; }

        public string? FirstError { get; set; }

        public void Add(ReadOnlyMemory<byte> line, IDialect dialect)
        {
            BatchLine result;
            try
            {
                result = dialect.ReadBatchLine(line);
            }
            catch (FormatException error)
            {
                Surplus++;
                FirstError ??= error.Message;
                return;
            }

            if (!CustomId.TryParse(result.CustomId.Span, out var owner, out var key) || !owner.SequenceEqual(_intentId))
            {
                Surplus++;
                _others++;
                FirstError ??= $"a result line answers `{Encoding.UTF8.GetString(result.CustomId.Span)}`, which is no request of this batch";
                return;
            }

            if (result.Error is { } problem)
            {
                var final = problem.Class is ErrorClass.Permanent or ErrorClass.Credentials;
                _failed += final ? 1 : 0;
                _retryable += final ? 0 : 1;
                FirstError ??= problem.ToString();
                Failures.Add(new FailedTry(key, problem.ToString(), final));
                return;
            }

            _responses++;
            _usage = new TokenUsage(_usage.Input + result.Usage.Input, _usage.Output + result.Usage.Output);
            // The line's buffer is reused for the next line.
            var request = requests?.Find(result.CustomId.Span);
            RequestBytes += request?.Length ?? 0;
            Entries.Add(new CacheEntry(key, Bodies.Add(result.Body.Span), result.Usage) { Origin = origin, Request = request });
        }

        public void Clear()
        {
            // PutAsync has returned: nobody reads the list any more.
            Entries.Clear();
            Failures.Clear();
            Bodies.Clear();
            RequestBytes = 0;
        }

        public void Dispose() => Bodies.Dispose();

        public IngestReport Report(int missing) => new()
        {
            Responses = _responses,
            Retryable = _retryable,
            Failed = _failed,
            Missing = missing,
            Surplus = Surplus,
            Usage = _usage,
            IsForeign = IsForeign,
            FirstError = FirstError,
        };
    }
}
