using System.Text;
using Sluice.Caching;
using Sluice.Datasets;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Takes a batch's results over, line by line, into the cache. Idempotent: reading the same file twice changes nothing.</summary>
/// <remarks>
/// A line counts only when the batch has asked for it: when the ledger claims its request for the intent, or when the spool has it. The claim of a
/// request goes with its failed try; its answer may still come, in a later line or file.
/// </remarks>
internal sealed class BatchIngester(LedgerStore ledger, IResponseCache cache, string spoolFolder)
{
    internal const int MaxLineBytes = 64 * 1024 * 1024;
    private const int GroupSize = CacheEntry.GroupSize;
    private const int GroupBytes = 1024 * 1024;

    /// <summary>Reads all result files of an ended batch.</summary>
    /// <param name="intent">Whose they are.</param>
    /// <param name="info">What the provider says of the batch.</param>
    /// <param name="provider">The provider.</param>
    /// <param name="cancellationToken">Ends the reading; what has been read stays.</param>
    /// <exception cref="ProviderException">A file could not be read to its end, and requests are still without a line; what could be read stays.</exception>
    public async Task<IngestReport> ReadAsync(Intent intent, BatchInfo info, IProvider provider, CancellationToken cancellationToken)
    {
        using var reading = new Reading(intent, info, SpoolPath(intent), provider.Dialect, isTwin: false, cache.Interruptions);
        var unread = await ReadFilesAsync(info, reading, provider, cancellationToken).ConfigureAwait(false);
        if (unread is null && intent.IsProvisional && reading.IsForeign)
        {
            return reading.Report(intent.Count);
        }

        // Each request answered or failed means that none is missing; else the spool, the cache and the ledger tell.
        var isWhole = reading.Seen.Count == intent.Count && !reading.Seen.IsFull;
        if (unread is not null && !isWhole && !(File.Exists(SpoolPath(intent)) && await IsSettledAsync(intent, cancellationToken).ConfigureAwait(false)))
        {
            throw unread;
        }

        return reading.Report(isWhole ? 0 : await FindMissingAsync(intent, record: false, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Records a failed try of every request that has no line. Returns how many there are.</summary>
    public Task<int> FailMissingAsync(Intent intent, CancellationToken cancellationToken) => FindMissingAsync(intent, record: true, cancellationToken);

    /// <summary>Reads the result files of an ended batch that was made beside an intent's own: its answers fill what the other has not answered.</summary>
    /// <exception cref="ProviderException">A file could not be read to its end; what could be read stays.</exception>
    public async Task<IngestReport> ReadTwinAsync(Intent intent, BatchInfo twin, IProvider provider, CancellationToken cancellationToken)
    {
        using var reading = new Reading(intent, twin, SpoolPath(intent), provider.Dialect, isTwin: true, cache.Interruptions);
        return await ReadFilesAsync(twin, reading, provider, cancellationToken).ConfigureAwait(false) is { } unread ? throw unread : reading.Report(0);
    }

    /// <summary>Closes an intent whose results have been read: its answers are synced to disk first.</summary>
    /// <returns>The closed intent; null when the cache's store was away meanwhile and has lost answers: they are to be read again.</returns>
    public async Task<Intent?> CloseAsync(Intent intent, IngestReport report, IDialect dialect, CancellationToken cancellationToken)
    {
        CrashPoint.Hit("cache.sync.before");
        if (!await TrySyncAsync(intent, report.Interruptions, cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        CrashPoint.Hit("cache.sync.after");
        var settled = ledger.MarkIngested(intent, report.Usage, report.Responses, BatchEnvelope.Size(dialect));
        Spool.Delete(spoolFolder, intent.Id);
        return settled;
    }

    /// <summary>Syncs the cache; false when answers are missing that were put before. As long as its store has not been away since, none can be.</summary>
    private async Task<bool> TrySyncAsync(Intent intent, long before, CancellationToken cancellationToken)
    {
        while (true)
        {
            await cache.SyncAsync(cancellationToken).ConfigureAwait(false);
            var now = cache.Interruptions;
            if (now == before)
            {
                return true;
            }

            if (!await IsSettledAsync(intent, cancellationToken).ConfigureAwait(false))
            {
                return false;
            }

            // What was found is there since then, and is synced now.
            before = now;
        }
    }

    /// <summary>Tells whether every request of an intent is answered or has a failed try: its results were taken over, and only the last step is missing.</summary>
    public async Task<bool> IsSettledAsync(Intent intent, CancellationToken cancellationToken) =>
        await FindMissingAsync(intent, record: false, cancellationToken, most: 1).ConfigureAwait(false) == 0;

    /// <summary>Reads every file that can be read, and stores what is in it. Returns why one could not be read to its end, or null.</summary>
    private async Task<ProviderException?> ReadFilesAsync(BatchInfo info, Reading reading, IProvider provider, CancellationToken cancellationToken)
    {
        ProviderException? unread = null;
        if (Spool.StoresRequests(spoolFolder, reading.Intent.Id))
        {
            reading.Requests = await reading.SpoolAsync(cancellationToken).ConfigureAwait(false);
        }

        foreach (var file in info.ResultFiles)
        {
            CrashPoint.Hit("provider.results.before");
            try
            {
                var stream = await provider.Batch!.OpenResultsAsync(file, cancellationToken).ConfigureAwait(false);
                await using (stream.ConfigureAwait(false))
                {
                    await ReadLinesAsync(stream, reading, provider.Dialect, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (ProviderException error)
            {
                // What was read before, and what the other files hold, is paid for all the same.
                unread ??= error;
            }

            CrashPoint.Hit("provider.results.after");
        }

        await StoreAsync(reading, cancellationToken).ConfigureAwait(false);
        return unread;
    }

    private async Task ReadLinesAsync(Stream stream, Reading reading, IDialect dialect, CancellationToken cancellationToken)
    {
        using var lines = new LineReader(stream, MaxLineBytes);
        var (isFirst, isCut, hasIds) = (true, false, false);
        while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (lines.TooLong)
            {
                reading.Surplus++;
                reading.FirstError ??= $"result line {lines.Number} has more than {MaxLineBytes} bytes";
                (isFirst, isCut, hasIds) = (false, false, true);
                continue;
            }

            var line = lines.Line;
            if (line.Span.Trim(" \r\t"u8).IsEmpty)
            {
                continue;
            }

            if (isFirst && line.Span.TrimStart(" \r\t\uFEFF"u8).StartsWith("<"u8))
            {
                throw NoResults("a page of HTML came in place of the result file; something stands between this machine and the provider");
            }

            isFirst = false;
            if (reading.Lines.Count >= GroupSize || !reading.Bodies.Fits(line.Length) || reading.RequestBytes > GroupBytes)
            {
                await StoreAsync(reading, cancellationToken).ConfigureAwait(false);
            }

            var hasId = reading.Add(line, dialect);
            isCut = hasId is null && !lines.HasLineFeed;
            hasIds |= hasId == true;
        }

        if (isCut)
        {
            throw NoResults("the result file ends in the middle of a line");
        }

        if (!isFirst && !hasIds)
        {
            throw NoResults("no line of the result file answers a request; something else came in its place");
        }
    }

    /// <summary>What is not the file, or not all of it, says nothing of the requests: no reading is counted, and no try.</summary>
    private static ProviderException NoResults(string what) => new(new RequestError(ErrorClass.Transient, "bad_answer", what), outcomeUnknown: false);

    /// <summary>Takes over what has been read so far: answers into the cache, failed tries into the ledger.</summary>
    private async Task StoreAsync(Reading reading, CancellationToken cancellationToken)
    {
        var lines = reading.Lines;
        if (lines.Count > 0)
        {
            var claimed = ledger.Claimed(reading.Intent, lines.Count, i => lines[i].Entry.Key);
            var spool = Array.TrueForAll(claimed, static c => c) ? null : await reading.SpoolAsync(cancellationToken).ConfigureAwait(false);
            var answered = reading.IsTwin ? new CachedResponse?[lines.Count] : [];
            if (reading.IsTwin)
            {
                await cache.GetAsync(lines.ConvertAll(static line => line.Entry.Key).ToArray(), answered, reading.Intent.CreatedAt, cancellationToken).ConfigureAwait(false);
            }

            for (var i = 0; i < lines.Count; i++)
            {
                if (!claimed[i] && spool?.Has(lines[i].Entry.Key) != true)
                {
                    reading.PassOver(lines[i].Entry.Key);
                }
                else if (!reading.IsTwin || answered[i] is null)
                {
                    reading.Take(lines[i], claimed[i]);
                }
            }

            if (reading.Entries.Count > 0)
            {
                await cache.PutAsync(reading.Entries, reading.Intent.CreatedAt, cancellationToken).ConfigureAwait(false);
            }

            if (reading.Failures.Count > 0)
            {
                ledger.RecordFailedTries(reading.Intent, reading.Failures);
            }

            if (reading.Late.Count > 0)
            {
                ledger.ForgetFailures(reading.Late);
            }
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
                ledger.RecordFailedTries(intent, [.. lost.Select(key => new FailedTry(key, "the batch ended without a result line for this request", IsFinal: false))]);
            }

            keys.Clear();
            return lost.Count;
        }
    }

    private string SpoolPath(Intent intent) => Spool.PathOf(spoolFolder, intent.Id);

    /// <summary>A line with our mark: an answer, or why there is none.</summary>
    private readonly record struct Line(CacheEntry Entry, RequestError? Error);

    /// <summary>What has been read and not yet stored, and counts of all.</summary>
    private sealed class Reading(Intent intent, BatchInfo info, string spoolPath, IDialect dialect, bool isTwin, long interruptions) : IDisposable
    {
        private readonly byte[] _intentId = Encoding.ASCII.GetBytes(intent.Id);
        private readonly ResponseOrigin _origin = new(intent.Provider.Provider, intent.Model, info.Id);
        private SpoolBodies? _spool;
        private bool _isSpoolOpened;
        private int _responses;
        private int _others;
        private int _retryable;
        private int _failed;
        private int _doubled;
        private TokenUsage _usage;
        private RequestError? _spent;
        private RequestError? _onlyFailure;
        private bool _differs;

        public Intent Intent => intent;

        /// <summary>Gets whether only what has no answer yet is taken from the batch.</summary>
        public bool IsTwin => isTwin;

        /// <summary>Gets the lines with our mark that are not looked through yet, in their order.</summary>
        public List<Line> Lines { get; } = new(GroupSize);

        /// <summary>Gets the answers to be stored.</summary>
        public List<CacheEntry> Entries { get; } = new(GroupSize);

        public List<FailedTry> Failures { get; } = [];

        /// <summary>Gets the answers that have come after a failed try was recorded.</summary>
        public List<RequestKey> Late { get; } = [];

        public PooledBytes Bodies { get; } = new(GroupBytes);

        /// <summary>Gets or sets where request bodies are found that are to be stored with the answers; null for none.</summary>
        public SpoolBodies? Requests { get; set; }

        /// <summary>Gets how large the requests are together that wait with the answers.</summary>
        public long RequestBytes { get; private set; }

        /// <summary>Gets which requests have had a line.</summary>
        public SeenRequests Seen { get; } = new(intent.Count);

        /// <summary>Gets whether there are lines, and none of them answers what the intent has asked.</summary>
        public bool IsForeign => _others > 0 && _responses + _retryable + _failed == 0;

        public int Surplus { get; set; }

        public string? FirstError { get; set; }

        /// <summary>Opens the spool when it is needed for the first time; null when it is gone or cannot be read.</summary>
        public async Task<SpoolBodies?> SpoolAsync(CancellationToken cancellationToken)
        {
            if (!_isSpoolOpened)
            {
                _isSpoolOpened = true;
                _spool = await SpoolBodies.TryOpenAsync(spoolPath, intent.Id, dialect, cancellationToken).ConfigureAwait(false);
            }

            return _spool;
        }

        /// <summary>Adds a line; returns whether it says which request it answers, or null when it cannot be read.</summary>
        public bool? Add(ReadOnlyMemory<byte> line, IDialect dialect)
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
                return null;
            }

            if (!CustomId.TryParse(result.CustomId.Span, out var owner, out var key) || !owner.SequenceEqual(_intentId))
            {
                PassOver(Encoding.UTF8.GetString(result.CustomId.Span));
                return result.CustomId.Length > 0;
            }

            // The line's buffer is reused for the next line.
            var body = result.Error is null ? Bodies.Add(result.Body.Span) : default;
            var request = result.Error is null ? Requests?.Find(result.CustomId.Span) : null;
            RequestBytes += request?.Length ?? 0;
            Lines.Add(new Line(new CacheEntry(key, body, result.Usage) { Origin = _origin, Request = request }, result.Error));
            return true;
        }

        /// <summary>Leaves a line alone whose request the batch has not asked.</summary>
        public void PassOver(RequestKey key) => PassOver($"{intent.Id}-{key}");

        /// <summary>Takes a line of one of the batch's requests over, unless there was one before that says as much.</summary>
        public void Take(Line line, bool isClaimed)
        {
            var key = line.Entry.Key;
            var outcome = line.Error is null ? LineOutcome.Answered : line.Error.Class is ErrorClass.Permanent or ErrorClass.Credentials ? LineOutcome.Failed : LineOutcome.Retryable;
            if (isTwin && outcome != LineOutcome.Answered)
            {
                return;
            }

            var before = Seen.Enter(key, outcome);
            if (before == LineOutcome.Answered || (before != LineOutcome.None && outcome != LineOutcome.Answered))
            {
                _doubled++;
                return;
            }

            if (before != LineOutcome.None)
            {
                _failed -= before == LineOutcome.Failed ? 1 : 0;
                _retryable -= before == LineOutcome.Retryable ? 1 : 0;
                Failures.RemoveAll(failure => failure.Key.Equals(key));
            }

            if (line.Error is { } problem)
            {
                _failed += outcome == LineOutcome.Failed ? 1 : 0;
                _retryable += outcome == LineOutcome.Retryable ? 1 : 0;
                FirstError ??= problem.ToString();
                _onlyFailure ??= problem;
                _differs |= outcome != LineOutcome.Failed || FailureStop.Same(problem) != FailureStop.Same(_onlyFailure);
                // An account without credit says nothing about the request: its tries are not used up.
                var isSpent = problem.Class == ErrorClass.Quota;
                _spent ??= isSpent ? problem : null;
                Failures.Add(new FailedTry(key, problem.ToString(), outcome == LineOutcome.Failed, Counts: !isSpent));
                return;
            }

            _responses++;
            _usage = new TokenUsage(_usage.Input + line.Entry.Usage.Input, _usage.Output + line.Entry.Usage.Output);
            Entries.Add(line.Entry);
            if (!isClaimed)
            {
                Late.Add(key);
            }
        }

        public void Clear()
        {
            // PutAsync has returned: nobody reads the lists any more.
            Lines.Clear();
            Entries.Clear();
            Failures.Clear();
            Late.Clear();
            Bodies.Clear();
            RequestBytes = 0;
        }

        public void Dispose()
        {
            Bodies.Dispose();
            Seen.Dispose();
            _spool?.Dispose();
        }

        public IngestReport Report(int missing) => new()
        {
            Responses = _responses,
            Retryable = _retryable,
            Failed = _failed,
            Missing = missing,
            Surplus = Surplus,
            HasEveryLine = Seen.Count == intent.Count && !Seen.IsFull && Surplus == 0,
            Doubled = _doubled,
            Usage = _usage,
            IsForeign = IsForeign,
            FirstError = FirstError,
            Interruptions = interruptions,
            Spent = _spent,
            OnlyFailure = _responses + missing == 0 && !_differs ? _onlyFailure : null,
        };

        private void PassOver(string customId)
        {
            Surplus++;
            _others++;
            FirstError ??= $"a result line answers `{customId}`, which is no request of this batch";
        }
    }
}
