using Sluice.Caching;
using Sluice.Datasets;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Recovery;

/// <summary>Takes over what was paid for and is not in this workspace: from the provider's own list, or from result files on disk.</summary>
/// <remarks>Every line says by itself which request it answers, so nothing but the lines is needed: no ledger, no spool, no configs.</remarks>
public sealed class Adopter(BatchContext context)
{
    /// <summary>Takes over the answers of every ended batch of an account, and into the ledger what is still under way.</summary>
    /// <param name="accounts">The account, once per kind of request that it takes.</param>
    /// <param name="cancellationToken">Ends the work; what was stored stays.</param>
    /// <exception cref="ProviderException">The list, or a file that is still there, cannot be read; all that can be was taken over.</exception>
    public async Task<AdoptReport> AdoptAsync(IReadOnlyList<IProvider> accounts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(accounts);
        var report = new AdoptReport();
        var api = accounts[0].Batch!;
        ProviderException? unread = null;
        await foreach (var batch in api.ListAsync(DateTimeOffset.MinValue, cancellationToken).ConfigureAwait(false))
        {
            var provider = accounts.FirstOrDefault(a => a.Dialect.Endpoint == batch.Endpoint) ?? accounts[0];
            var (found, error) = batch.IsEnded || batch.ResultFiles.Count > 0
                ? await AdoptEndedAsync(batch, provider, cancellationToken).ConfigureAwait(false)
                : await AdoptUnderWayAsync(batch, provider, cancellationToken).ConfigureAwait(false);
            report += found;
            unread ??= error;
            if (error is not null && (error.Error.Class == ErrorClass.RateLimited || AccountTrouble.Of(provider, error.Error) is not null))
            {
                // It is not this batch's own: the next ones fare no better.
                break;
            }
        }

        await context.Cache.SyncAsync(cancellationToken).ConfigureAwait(false);
        return unread is null ? report : throw unread;
    }

    /// <summary>Takes over the answers in a result file on disk, plain or compressed, of whatever provider.</summary>
    /// <exception cref="SluiceException">The file cannot be read, or not to its end; what came before is kept.</exception>
    public async Task<AdoptReport> AdoptAsync(string path, IReadOnlyList<IDialect> dialects, CancellationToken cancellationToken = default)
    {
        var compression = DatasetFormat.CompressionOf(path);
        var reader = new ResultReader(context.Cache, dialects);
        try
        {
            var stream = DatasetFile.OpenSequential(path, compression, "file");
            await using (stream.ConfigureAwait(false))
            {
                await reader.ReadAsync(stream, new ResponseOrigin("adopted", "", Path.GetFileName(path)), untilForeign: false, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is not SluiceException && DatasetFile.Explain(error, path, compression, "file") is { } explained)
        {
            await context.Cache.SyncAsync(cancellationToken).ConfigureAwait(false);
            throw new SluiceException(explained.Kind, $"{explained.Message}; of what comes before, {reader.Report.Responses} answers are kept", explained.Hint, error);
        }

        await context.Cache.SyncAsync(cancellationToken).ConfigureAwait(false);
        return reader.Report;
    }

    /// <summary>Takes over what a batch's files hold, each for itself. Providers delete files after a while: one that is gone is counted, not an error.</summary>
    private async Task<(AdoptReport Report, ProviderException? Unread)> AdoptEndedAsync(BatchInfo batch, IProvider provider, CancellationToken cancellationToken)
    {
        var reader = new ResultReader(context.Cache, [provider.Dialect]);
        var origin = new ResponseOrigin(provider.Reference.Provider, batch.Model ?? "", batch.Id);
        var gone = 0;
        ProviderException? unread = null;
        foreach (var file in batch.ResultFiles)
        {
            try
            {
                var stream = await provider.Batch!.OpenResultsAsync(file, cancellationToken).ConfigureAwait(false);
                var before = reader.Report;
                await using (stream.ConfigureAwait(false))
                {
                    await reader.ReadAsync(stream, origin, untilForeign: true, cancellationToken).ConfigureAwait(false);
                }

                // Others' lines may be of any kind; one of ours is a result.
                if (batch.Intent is not null && reader.Report with { Unreadable = before.Unreadable } == before && reader.Report.Unreadable > before.Unreadable)
                {
                    throw new ProviderException(new RequestError(ErrorClass.Transient, "bad_answer", "no line of it is a result; something else came in its place"), outcomeUnknown: false);
                }
            }
            catch (ProviderException error) when (error.IsGone)
            {
                gone++;
            }
            catch (ProviderException error)
            {
                unread ??= error;
                context.Observe(new Remark($"batch {batch.Id}: a result file cannot be read: {error.Error}"));
            }
        }

        CrashPoint.Hit("adopt.batch.after");
        if (unread is null && batch.IsEnded)
        {
            await context.Cache.SyncAsync(cancellationToken).ConfigureAwait(false);
            context.Ledger.SettleMissed(batch.Id);
        }

        var report = reader.Report with { Batches = 1, Gone = gone };
        if (report.Responses + report.Failed == 0)
        {
            return (report, unread);
        }

        context.Observe(new Remark($"batch {batch.Id}: {report.Responses} answers, {report.New} of them new here"));
        return (report with { Ours = 1 }, unread);
    }

    /// <summary>Rebuilds the intent of a batch that says it is ours, from the file it was made of.</summary>
    private async Task<(AdoptReport Report, ProviderException? Unread)> AdoptUnderWayAsync(BatchInfo batch, IProvider provider, CancellationToken cancellationToken)
    {
        var report = new AdoptReport { Batches = 1 };
        if (batch.Intent is not { } id || batch.InputFile is not { } input)
        {
            return (report with { Unclear = batch.Intent is null && batch.InputFile is null ? 1 : 0 }, null);
        }

        if (context.Ledger.Find(id) is { } known)
        {
            if (known.IsOpen)
            {
                return (report with { UnderWay = 1 }, null);
            }

            context.Observe(new Remark($"batch {batch.Id} is under way although this workspace has closed it; it is not waited for. Once it has ended, `sluice adopt` takes over its answers"));
            return (report, null);
        }

        try
        {
            var count = await RestoreAsync(id, batch, input, provider, cancellationToken).ConfigureAwait(false);
            context.Observe(new Remark($"batch {batch.Id}: {count} requests under way; `sluice run` collects them"));
            return (report with { UnderWay = 1 }, null);
        }
        catch (ProviderException error) when (error.IsGone)
        {
            context.Observe(new Remark($"batch {batch.Id} is under way, and its input file is gone: what it asks is not known before it has ended"));
            return (report with { Unclear = 1 }, null);
        }
        catch (ProviderException error)
        {
            context.Observe(new Remark($"batch {batch.Id}: its input file cannot be read: {error.Error}"));
            return (report, error);
        }
        catch (FormatException)
        {
            context.Observe(new Remark($"batch {batch.Id} bears a mark like ours, and its input is not: left alone"));
            return (report, null);
        }
    }

    /// <summary>Writes the spool of a batch anew, beside its place until it is whole, and takes the batch into the ledger. Returns how many requests it has.</summary>
    /// <exception cref="FormatException">A line is none of ours.</exception>
    private async Task<int> RestoreAsync(string id, BatchInfo batch, string input, IProvider provider, CancellationToken cancellationToken)
    {
        PrivateFiles.CreateFolder(context.SpoolFolder);
        AtomicFile.DropLeftovers(context.SpoolFolder, context.Time);
        var checksum = Checksum.Start;
        var keys = new List<RequestKey>();
        long bytes = 0;
        var stream = await provider.Batch!.OpenResultsAsync(input, cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            using var spool = new AtomicFile(Spool.PathOf(context.SpoolFolder, id));
            using var lines = new LineReader(stream, int.MaxValue - 1);
            while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                keys.Add(Spool.KeyOf(lines.Line.Span));
                foreach (var part in (ReadOnlyMemory<byte>[])[lines.Line, "\n"u8.ToArray()])
                {
                    spool.Stream.Write(part.Span);
                    checksum = Checksum.Append(checksum, part.Span);
                    bytes += part.Length;
                }
            }

            spool.Commit();
        }

        CrashPoint.Hit("adopt.spool.after");

        var intent = new Intent
        {
            Row = 0, Id = id, Provider = provider.Reference, Account = provider.Account, Model = batch.Model ?? "", State = IntentState.Submitted, Owner = "",
            Count = keys.Count, Bytes = bytes, CreatedAt = batch.CreatedAt ?? context.Time.GetUtcNow(), FileId = batch.InputFile, BatchId = batch.Id, IsAdopted = true,
        };
        Spool.Describe(context.SpoolFolder, intent, keys.Count, bytes, Checksum.Finish(checksum));
        CrashPoint.Hit("adopt.described.after");
        context.Ledger.Restore(intent, keys);
        return keys.Count;
    }
}
