using Sluice.Ledger;
using Sluice.Requests;
using Sluice.Storage;
using Sluice.Sweeps;

namespace Sluice.Recovery;

/// <summary>Examines the ledger and the spools, holds one against the other, and makes a lost ledger again from the spools.</summary>
internal sealed class LedgerDoctor(Workspace workspace, TimeProvider time, bool repair, bool forget, bool cacheIsEmpty, string cacheName)
{
    private readonly string _spools = workspace.SpoolFolder;

    /// <summary>Examines both; what is wrong is repaired where that is wanted and loses nothing.</summary>
    public IEnumerable<Finding> Examine()
    {
        var (damage, trouble) = File.Exists(workspace.LedgerPath) ? Look(workspace.LedgerPath) : default;
        if (trouble is not null)
        {
            yield return Finding.CannotLook(workspace.LedgerPath, trouble);
            yield break;
        }

        if (damage is not null)
        {
            if (!repair)
            {
                yield return new Finding(workspace.LedgerPath, damage, "`sluice doctor --repair` makes it again from the spools; what was sent is then found in the provider's list");
                yield break;
            }

            var kept = SqliteStore.MoveAside(workspace.LedgerPath);
            yield return new Finding(workspace.LedgerPath, damage, $"made again from the spools; the damaged one is {kept}. Failures it knew are forgotten: they are sent again", IsRepaired: true);
        }

        if (!File.Exists(workspace.LedgerPath) && !Spool.In(_spools).Any())
        {
            yield break;
        }

        using var ledger = new LedgerStore(workspace.LedgerPath, time);
        LostResults.Remember(workspace, ledger);
        var known = ledger.Open().ToDictionary(i => i.Id);
        foreach (var id in Spool.In(_spools).Where(id => !known.ContainsKey(id)))
        {
            yield return TakeIn(ledger, id);
        }

        foreach (var finding in ledger.Open().Select(Examine).OfType<Finding>())
        {
            yield return finding;
        }

        // Last: a spool that was left behind is known by its batch.
        if (cacheIsEmpty && Loss.OfCache(ledger) is { } loss)
        {
            if (forget)
            {
                LostResults.ForgetBatches(workspace, ledger);
            }

            yield return forget
                ? new Finding(cacheName, loss.Problem, $"{ledger.ForgetAnswered()} forgotten: what is asked for again is paid for again", IsRepaired: true)
                : new Finding(cacheName, loss.Problem, loss.Remedy);
        }
    }

    /// <summary>Opens the ledger as it is, and as everybody does: says what is damaged, or why neither can be told.</summary>
    private (string? Damage, SluiceException? Trouble) Look(string path)
    {
        try
        {
            using var connection = SqliteStore.OpenForReading(path);
            if (SqliteStore.IntegrityProblem(connection) is { } problem)
            {
                return (problem, null);
            }

            new LedgerStore(path, time).Dispose();
            return default;
        }
        catch (SluiceException error)
        {
            return SqliteStore.IsDamage(error) ? (error.Message, null) : (null, error);
        }
    }

    /// <summary>Deals with a spool that no open intent of the ledger has.</summary>
    private Finding TakeIn(LedgerStore ledger, string id)
    {
        var path = Spool.PathOf(_spools, id);
        try
        {
            if (ledger.IsKnown(id))
            {
                return Dropped(path, id, "its batch is done, and it was left behind", "it can go");
            }

            if (Spool.Read(_spools, id) is not { } intent)
            {
                return Dropped(path, id, "it was never complete, so nothing of it was sent", "it can go: its requests are planned again");
            }

            if (!repair)
            {
                return new Finding(path, "the ledger does not know it, but it may have been sent", "`sluice doctor --repair` takes it in; `sluice run` then looks for its batch in the provider's list");
            }

            var keys = Keys(path);
            ledger.Restore(intent with { Note = "taken in again by `sluice doctor`; looking for its batch", Count = keys.Count }, keys);
            return new Finding(path, "the ledger did not know it, but it may have been sent", $"taken in with {keys.Count} requests; `sluice run` looks for its batch in the provider's list", IsRepaired: true);
        }
        catch (FormatException error)
        {
            return new Finding(path, error.Message, $"see by `sluice adopt` what the provider has, then delete {path}");
        }
    }

    private Finding Dropped(string path, string id, string problem, string remedy)
    {
        if (!repair)
        {
            return new Finding(path, problem, $"{remedy}: `sluice doctor --repair`");
        }

        Spool.Delete(_spools, id);
        return new Finding(path, problem, "deleted", IsRepaired: true);
    }

    private Finding? Examine(Intent intent)
    {
        if (intent.State == IntentState.NeedsHuman)
        {
            return new Finding($"batch {intent.Id}", "whether it was created is not known, and the provider's list does not tell", intent.Note ?? "see `sluice status`");
        }

        if (intent.State == IntentState.Spooling || SpoolProblem(intent) is not { } problem)
        {
            return null;
        }

        return intent.State == IntentState.Submitted || intent.FileId is not null
            ? new Finding($"batch {intent.BatchId ?? intent.Id}", problem, "its results are taken over all the same, and what has none is sent again") { IsHarmless = true }
            : new Finding($"batch {intent.Id}", problem, $"`sluice cancel {intent.Id}` drops it; its requests are planned again");
    }

    private string? SpoolProblem(Intent intent)
    {
        try
        {
            return Spool.Check(_spools, intent);
        }
        catch (FormatException error)
        {
            return error.Message;
        }
    }

    private static List<RequestKey> Keys(string path)
    {
        var keys = new List<RequestKey>();
        foreach (var line in File.ReadLines(path))
        {
            keys.Add(Spool.KeyOf(System.Text.Encoding.UTF8.GetBytes(line)));
        }

        return keys;
    }
}
