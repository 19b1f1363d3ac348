using Sluice.Datasets;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Finds the batch of a create call whose outcome is not known, in the provider's own list. Never guesses: what only looks like ours has to prove it.</summary>
internal sealed class Reconciler(BatchContext context)
{
    /// <summary>How far our clock and the provider's may be apart: a batch before that is not looked at, and would be made a second time.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromDays(1);

    /// <summary>How long providers list old batches: 30 days at OpenAI, 29 at Anthropic. Older ones may have been there.</summary>
    private static readonly TimeSpan Reach = TimeSpan.FromDays(28);

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan PatienceSimulator = TimeSpan.FromSeconds(3);

    private readonly HashSet<(long Intent, string Batch)> _foreign = [];
    private readonly Dictionary<(long Intent, int Attempt), (TimeSpan Waited, long At)> _searches = [];

    /// <summary>Says how people settle a doubt.</summary>
    public static string Decide(Intent intent) =>
        $"when a batch of the account is this one, `sluice adopt --intent {intent.Id} --batch BATCH`; when none is, `sluice resend {intent.Id}`";

    /// <summary>Searches the list for an intent's batch.</summary>
    /// <exception cref="ProviderException">The list cannot be read.</exception>
    public async Task<BatchFinding> FindAsync(Intent intent, IProvider provider, CancellationToken cancellationToken)
    {
        var started = intent.CreateStartedAt ?? intent.CreatedAt;
        // What the list says holds for the moment in which it is asked for, however long it takes.
        var asked = context.Time.GetUtcNow();
        // Until its answer was given up, the provider may have been at it, and its list could not show the batch.
        var waited = Waited(intent, asked - (intent.LostAt ?? started));
        CrashPoint.Hit("provider.list.before");
        var (ours, candidates, unread) = await ReadListAsync(intent, provider, started - Skew, cancellationToken).ConfigureAwait(false);
        CrashPoint.Hit("provider.list.after");
        if (ours.MinBy(Rank) is { } best)
        {
            // A gateway may have made the call twice: the others are dropped once this one's results are read.
            return new BatchFinding.Found(best, IsProvisional: false);
        }

        if (unread is not null)
        {
            throw unread;
        }

        var age = asked - started;
        return candidates.Count switch
        {
            1 => new BatchFinding.Found(candidates[0], IsProvisional: true),
            > 1 => new BatchFinding.Undecided($"{candidates.Count} batches of the account might be this one ({string.Join(", ", candidates.Take(5).Select(c => c.Id))}), which their results will tell; {Decide(intent)}", NeedsHuman: true),
            _ when age > Reach => new BatchFinding.Undecided($"the create call is older than the provider's list; {Decide(intent)}", NeedsHuman: true),
            _ when waited > intent.Terms.Wait(provider.IsSimulator ? PatienceSimulator : Patience) => new BatchFinding.None(),
            _ => new BatchFinding.Undecided(intent.Note ?? "looking for the batch", NeedsHuman: false),
        };
    }

    /// <summary>Goes through the list: which batches are an intent's, which may be, and what could not be read, be it the list's end or one batch's results.</summary>
    private async Task<(List<BatchInfo> Ours, List<BatchInfo> Candidates, ProviderException? Unread)> ReadListAsync(Intent intent, IProvider provider, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var ours = new List<BatchInfo>();
        var candidates = new List<BatchInfo>();
        ProviderException? unread = null;
        try
        {
            await foreach (var batch in provider.Batch!.ListAsync(since, cancellationToken).ConfigureAwait(false))
            {
                try
                {
                    var isOurs = await IsOursAsync(intent, batch, provider, cancellationToken).ConfigureAwait(false);
                    (isOurs is null ? candidates : isOurs.Value ? ours : []).Add(batch);
                }
                catch (ProviderException error)
                {
                    // What others' results hide does not hide those behind them.
                    unread ??= error;
                }
            }
        }
        catch (ProviderException error)
        {
            unread = error;
        }

        return (ours, candidates, unread);
    }

    /// <summary>Returns which of several batches of one intent is taken first: the one that brings most answers.</summary>
    private static int Rank(BatchInfo batch) => (batch.State, batch.ResultFiles.Count > 0) switch
    {
        (BatchState.Done, true) => 0,
        (BatchState.Validating or BatchState.Running, _) => 1,
        (_, true) => 2,
        (BatchState.Cancelling, _) => 3,
        _ => 4,
    };

    /// <summary>Returns how long a batch has been looked for: by the wall clock until this process's first search, from then on by one that nobody sets.</summary>
    private TimeSpan Waited(Intent intent, TimeSpan byWallClock)
    {
        var attempt = (intent.Row, intent.Attempt);
        if (!_searches.TryGetValue(attempt, out var first))
        {
            first = (byWallClock > TimeSpan.Zero ? byWallClock : TimeSpan.Zero, context.Time.GetTimestamp());
            _searches.Add(attempt, first);
        }

        return first.Waited + context.Time.GetElapsedTime(first.At);
    }

    /// <summary>For an intent with lost create calls: cancels other batches that came of them, and says so. Returns those that have ended: their answers are paid for.</summary>
    /// <exception cref="ProviderException">The list, or a batch in it, cannot be read.</exception>
    public async Task<IReadOnlyList<BatchInfo>> DropTwinsAsync(Intent intent, IProvider provider, CancellationToken cancellationToken)
    {
        var ended = new List<BatchInfo>();
        await foreach (var batch in provider.Batch!.ListAsync(intent.CreatedAt - Skew, cancellationToken).ConfigureAwait(false))
        {
            if (batch.Id == intent.BatchId || await IsOursAsync(intent, batch, provider, cancellationToken).ConfigureAwait(false) != true)
            {
                continue;
            }

            await CancelTwinAsync(intent, batch, provider).ConfigureAwait(false);
            if (batch.IsEnded)
            {
                ended.Add(batch);
            }
        }

        return ended;
    }

    /// <summary>Cancels a batch that was made beside the one the ledger has. It is paid for while it runs: a command that is stopped does not break the call off.</summary>
    public async Task CancelTwinAsync(Intent intent, BatchInfo twin, IProvider provider)
    {
        var outcome = "it had ended, and was paid for; its answers are taken where this one has none";
        if (!twin.IsEnded)
        {
            try
            {
                await provider.Batch!.CancelAsync(twin.Id, CancellationToken.None).ConfigureAwait(false);
                outcome = "it was cancelled; what it had finished is paid for, and `sluice adopt` fetches it";
            }
            catch (ProviderException error)
            {
                outcome = $"it could not be cancelled ({error.Error}), and is paid for";
            }
        }

        context.Observe(new Remark($"batch {twin.Id} was made twice, beside {context.Ledger.Get(intent.Row)?.BatchId ?? "one that another process is making"}: {outcome}"));
    }

    /// <summary>Tells whether a batch is an intent's; null when it may be, and only its results can tell.</summary>
    private async Task<bool?> IsOursAsync(Intent intent, BatchInfo batch, IProvider provider, CancellationToken cancellationToken)
    {
        if (context.Ledger.IsRejected(intent, batch.Id))
        {
            return false;
        }

        if (batch.Intent is not null || intent.FileId is not null)
        {
            return batch.Intent == intent.Id || (intent.FileId is not null && batch.InputFile == intent.FileId);
        }

        // While the input is checked, some count no line yet.
        if ((batch.Total is > 0 and var total && total != intent.Count) || _foreign.Contains((intent.Row, batch.Id)) || context.Ledger.IsTaken(intent.Account, batch.Id))
        {
            return false;
        }

        if (batch.ResultFiles.Count == 0)
        {
            return null;
        }

        var owner = await OwnerOfAsync(batch, provider, cancellationToken).ConfigureAwait(false);
        if (owner is not null && owner != intent.Id)
        {
            _foreign.Add((intent.Row, batch.Id));
        }

        return owner is null ? null : owner == intent.Id;
    }

    /// <summary>Reads in a batch's results whose it is: the intent of its first line, empty when that is none of ours, null when there is no line.</summary>
    private static async Task<string?> OwnerOfAsync(BatchInfo batch, IProvider provider, CancellationToken cancellationToken)
    {
        var stream = await provider.Batch!.OpenResultsAsync(batch.ResultFiles[0], cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            using var lines = new LineReader(stream, BatchIngester.MaxLineBytes);
            while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                try
                {
                    if (!lines.TooLong && !lines.Line.Span.Trim(" \r\t"u8).IsEmpty)
                    {
                        return CustomId.TryParse(provider.Dialect.ReadBatchLine(lines.Line).CustomId.Span, out var owner, out _) ? System.Text.Encoding.ASCII.GetString(owner) : "";
                    }
                }
                catch (FormatException)
                {
                    // A line that cannot be read tells nothing; the next one may.
                }
            }
        }

        return null;
    }
}
