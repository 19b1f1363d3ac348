using System.Buffers;
using Sluice.Caching;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Packs the requests of one account, model and size of batches into spools. Thread-safe.</summary>
/// <remarks>
/// Requests are gathered into a small group, claimed together, and appended to the open spool: claims in groups cost a tenth of single ones.
/// </remarks>
internal sealed class BatchLane(Route route, BatchDispatchOptions options, LedgerStore ledger, IResponseCache cache, string spoolFolder, Action<Intent> onSealed, FailureStop? failures) : IDisposable
{
    // Arrays of this many keys stay below the large object heap.
    private const int GroupSize = 2048;
    private const int GroupBytes = 1024 * 1024;

    private readonly SemaphoreSlim _gate = new(1);
    private readonly List<(RequestKey Key, RequestKey? LegacyKey, ReadOnlyMemory<byte> Body, CachePolicy Caching, string Step, DispatchTally Tally)> _group = new(GroupSize);
    private readonly PooledBytes _bodies = new(GroupBytes);
    private readonly ArrayBufferWriter<byte> _line = new(16 * 1024);
    private readonly byte[] _customId = new byte[CustomId.Length];
    private readonly int _envelope = BatchEnvelope.Size(route.Provider.Dialect);
    private readonly int _maxRequests = Math.Min(options.MaxRequests ?? int.MaxValue, route.Provider.Batch!.Limits.MaxRequests);
    private readonly long _maxBytes = Math.Min(options.MaxBytes ?? long.MaxValue, route.Provider.Batch!.Limits.MaxBytes);
    private OpenSpool? _spool;
    // Intents whose spools are given up, and which the ledger could not be told of: their claims would be held for as long as this process lives.
    private readonly List<Intent> _givenUp = [];

    /// <summary>Takes a request; waits while a group is being written.</summary>
    public async ValueTask AddAsync(Request request, DispatchTally tally, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_group.Count == GroupSize || !_bodies.Fits(request.Body.Length))
            {
                await WriteGroupAsync(cancellationToken).ConfigureAwait(false);
            }

            _group.Add((request.Key, request.LegacyKey, _bodies.Add(request.Body.Span), request.Caching, request.Step, tally));
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Writes what is gathered and seals the open spool.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await WriteGroupAsync(cancellationToken).ConfigureAwait(false);
            Seal();
            // The array goes to the lane that is filled next.
            _bodies.Dispose();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Drops what has not been sealed: nothing of it was sent, and the next replay meets it again.</summary>
    public void Dispose()
    {
        if (_spool is { } spool)
        {
            Abandon(spool);
            _givenUp.Add(spool.Intent);
        }

        try
        {
            DiscardGivenUp();
        }
        catch (SluiceException)
        {
            // The next command drops what a process that is gone has left.
        }

        _bodies.Dispose();
        _gate.Dispose();
    }

    private async Task WriteGroupAsync(CancellationToken cancellationToken)
    {
        DiscardGivenUp();
        var done = 0;
        var sizes = _group.Select(g => g.Body.Length + _envelope).ToArray();
        try
        {
            while (done < _group.Count)
            {
                var spool = _spool ??= OpenNew();
                var fitting = Packing.Fitting(spool.Count, spool.Bytes, sizes.AsSpan(done), _maxRequests, _maxBytes);
                if (fitting > 0)
                {
                    try
                    {
                        await AppendAsync(spool, done, fitting, cancellationToken).ConfigureAwait(false);
                        done += fitting;
                    }
                    catch (LostIntentException)
                    {
                        Abandon(spool);
                    }
                }
                else if (spool.Count > 0)
                {
                    Seal();
                }
                else
                {
                    var (key, _, body, _, _, tally) = _group[done++];
                    ledger.RecordFailure(key, $"the request has {body.Length} bytes; a batch of `{route.Provider.Reference.Provider}` may have {_maxBytes}", 0);
                    tally.WaitFor(0);
                }
            }
        }
        finally
        {
            // What was not written stays for the next caller: those who asked for it have gone on.
            _group.RemoveRange(0, done);
        }

        _bodies.Clear();
    }

    private async Task AppendAsync(OpenSpool spool, int start, int count, CancellationToken cancellationToken)
    {
        var keys = new RequestKey[count];
        for (var i = 0; i < count; i++)
        {
            keys[i] = _group[start + i].Key;
        }

        var claimed = new long[count];
        ledger.Claim(spool.Intent, keys, claimed, retryFailed: _group[start].Tally.RetryFailed);
        CachedResponse?[] answered;
        try
        {
            // An answer may have come in between the look-up and the claim: then the claim is given back, or it would be paid for twice.
            answered = await LookAgainAsync(start, keys, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // What is claimed and not written would be waited for, and never be sent.
            Release(spool, [.. keys.Where((_, i) => claimed[i] == 0)]);
            throw;
        }

        var release = new List<RequestKey>();
        try
        {
            for (var i = 0; i < count; i++)
            {
                var (key, _, body, caching, step, tally) = _group[start + i];
                if (claimed[i] != 0)
                {
                    tally.WaitFor(claimed[i]);
                    failures?.Asks(claimed[i], step, route.Model, tally);
                    if (claimed[i] == spool.Intent.Row)
                    {
                        spool.Ask(tally.Terms);
                    }
                }
                else if (answered[i] is not null)
                {
                    release.Add(key);
                    tally.WaitFor(0);
                }
                else
                {
                    Append(spool, key, body.Span);
                    spool.StoresRequests |= caching.StoresRequests;
                    spool.Ask(tally.Terms);
                    tally.AddSent();
                    tally.WaitFor(spool.Intent.Row);
                    failures?.Asks(spool.Intent.Row, step, route.Model, tally);
                }
            }
        }
        catch (IOException error)
        {
            // A line may have been cut: nothing of this spool is sent.
            GiveUp(spool);
            throw NotWritten(spool.File.Name, error);
        }

        CrashPoint.Hit("spool.append.after");
        Release(spool, release);
    }

    /// <summary>Gives claims back; a spool whose claims the ledger does not take back is given up, since nobody could tell them from those of its lines.</summary>
    private void Release(OpenSpool spool, List<RequestKey> keys)
    {
        if (keys.Count == 0)
        {
            return;
        }

        try
        {
            ledger.Release(spool.Intent, keys);
        }
        catch (SluiceException)
        {
            GiveUp(spool);
            throw;
        }
    }

    /// <summary>Looks a group of keys up once more, each with the age its experiment asks for; mostly they all ask for the same.</summary>
    private async Task<CachedResponse?[]> LookAgainAsync(int start, RequestKey[] keys, CancellationToken cancellationToken)
    {
        var answered = new CachedResponse?[keys.Length];
        foreach (var (notBefore, places) in Enumerable.Range(0, keys.Length).GroupBy(i => _group[start + i].Caching.NotBefore).Select(g => (g.Key, g.ToArray())))
        {
            await FindAsync(places, i => keys[i], notBefore).ConfigureAwait(false);
            var legacy = Array.FindAll(places, i => answered[i] is null && _group[start + i].LegacyKey is not null);
            if (legacy.Length > 0)
            {
                await FindAsync(legacy, i => _group[start + i].LegacyKey!.Value, notBefore).ConfigureAwait(false);
            }
        }

        return answered;

        async Task FindAsync(int[] places, Converter<int, RequestKey> keyOf, DateTimeOffset notBefore)
        {
            var found = new CachedResponse?[places.Length];
            await cache.GetAsync(Array.ConvertAll(places, keyOf), found, notBefore, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < places.Length; i++)
            {
                answered[places[i]] = found[i];
            }
        }
    }

    private void Append(OpenSpool spool, RequestKey key, ReadOnlySpan<byte> body)
    {
        _line.ResetWrittenCount();
        CustomId.Write(spool.Intent.Id, key, _customId);
        route.Provider.Dialect.WriteBatchLine(_line, _customId, body);
        _line.Write("\n"u8);
        spool.File.Write(_line.WrittenSpan);
        spool.Checksum = Checksum.Append(spool.Checksum, _line.WrittenSpan);
        spool.Count++;
        spool.Bytes += _line.WrittenCount;
    }

    private OpenSpool OpenNew()
    {
        var intent = ledger.Begin(route.Provider, route.Model);
        try
        {
            PrivateFiles.CreateFolder(spoolFolder);
            CrashPoint.Hit("spool.create.before");
            return new OpenSpool(intent, PrivateFiles.Create(Spool.PathOf(spoolFolder, intent.Id)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DiskTrouble.Explain(error) ?? new SluiceException(ErrorKind.Environment, $"cannot write into {spoolFolder}: {error.Message}", "check the folder's permissions and the disk, then run again", error);
        }
    }

    private static SluiceException NotWritten(string path, Exception error) =>
        DiskTrouble.Explain(error) ?? new SluiceException(ErrorKind.Environment, $"cannot write {path}: {error.Message}", "check the disk and run the same command again; nothing unsent is counted as sent", error);

    private void Seal()
    {
        if (_spool is not { } spool)
        {
            return;
        }

        _spool = null;
        using (spool.File)
        {
            if (spool.Count == 0)
            {
                Spool.Delete(spoolFolder, spool.Intent.Id);
                ledger.Discard(spool.Intent);
                return;
            }

            try
            {
                CrashPoint.Hit("spool.sync.before");
                spool.File.Flush(flushToDisk: true);
                Spool.Describe(spoolFolder, spool.Intent, spool.Count, spool.Bytes, Checksum.Finish(spool.Checksum), spool.StoresRequests, spool.Terms);
                CrashPoint.Hit("spool.sync.after");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                GiveUp(spool);
                throw NotWritten(spool.File.Name, error);
            }
        }

        try
        {
            onSealed(ledger.Seal(spool.Intent, spool.Count, spool.Bytes, spool.Terms));
        }
        catch (LostIntentException)
        {
            Abandon(spool);
        }
    }

    /// <summary>Gives up a spool of which nothing was sent: replays meet its requests again.</summary>
    private void Abandon(OpenSpool spool)
    {
        _spool = null;
        try
        {
            spool.File.Dispose();
        }
        catch (IOException)
        {
            // The disk is full, which has been said already; the file goes all the same.
        }

        Spool.Drop(spoolFolder, spool.Intent.Id);
    }

    /// <summary>Gives up a spool and its claims, now or as soon as the ledger can be written.</summary>
    private void GiveUp(OpenSpool spool)
    {
        _givenUp.Add(spool.Intent);
        try
        {
            Abandon(spool);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A file that cannot be deleted now belongs to no intent: the next command drops it. What is thrown by the caller tells the cause.
        }

        try
        {
            DiscardGivenUp();
        }
        catch (SluiceException)
        {
            // Tried again with the next group.
        }
    }

    private void DiscardGivenUp()
    {
        while (_givenUp.Count > 0)
        {
            ledger.Discard(_givenUp[^1]);
            _givenUp.RemoveAt(_givenUp.Count - 1);
        }
    }

    private sealed class OpenSpool(Intent intent, FileStream file)
    {
        public Intent Intent => intent;

        public FileStream File => file;

        public int Count { get; set; }

        public long Bytes { get; set; }

        /// <summary>Gets or sets whether one of the experiments that asked wants request bodies stored.</summary>
        public bool StoresRequests { get; set; }

        /// <summary>Gets what the experiments that asked want of the batch.</summary>
        public BatchTerms? Terms { get; private set; }

        /// <summary>Adds what another experiment wants of the batch.</summary>
        public void Ask(BatchTerms terms) => Terms = Terms?.With(terms) ?? terms;

        public uint Checksum { get; set; } = Storage.Checksum.Start;
    }
}
