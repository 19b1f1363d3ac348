using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Deletes, at the provider, the files of closed batches whose experiments ask for it. What cannot be deleted is said; what may be later is left to the next command.</summary>
internal sealed class FileCleaner(BatchContext context)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SlowAfter = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _work = new(0);
    // One entry a batch that could not be cleaned up after.
    private readonly Dictionary<long, string> _said = [];

    /// <summary>Says that a batch was closed.</summary>
    public void Notify() => _work.Release();

    /// <summary>Runs until cancelled; a batch is cleaned up after within a moment, and one that could not be again after a minute.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await CleanAsync(cancellationToken).ConfigureAwait(false);
            using var pause = new CancellationTokenSource(Pause, context.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, pause.Token);
            try
            {
                await _work.WaitAsync(either.Token).ConfigureAwait(false);
                while (_work.Wait(0, CancellationToken.None))
                {
                    // Many signals are one: the ledger is read anew anyway.
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // A minute is over.
            }
        }
    }

    /// <summary>Cleans up once after every closed batch that asks for it; of an account that does not answer, the rest waits for the next time.</summary>
    public async Task CleanAsync(CancellationToken cancellationToken)
    {
        var away = new HashSet<string>(StringComparer.Ordinal);
        foreach (var intent in context.Ledger.ToClean().Where(i => !away.Contains(i.Account)))
        {
            var provider = context.Providers.Get(intent.Provider);
            if (provider.Account != intent.Account || !HasKey(provider))
            {
                Say(intent, $"the files of batch {intent.BatchId ?? intent.Id} are not deleted: they belong to another key or address ({intent.Account}), and wait until that is set again");
                continue;
            }

            try
            {
                await PatientlyAsync(intent, DeleteAsync(intent, provider.Batch!, cancellationToken)).ConfigureAwait(false);
                context.Ledger.MarkClean(intent);
            }
            catch (ProviderException error) when (error.Error.Class == ErrorClass.Permanent || error.Status == 405)
            {
                Say(intent, $"the files of batch {intent.BatchId ?? intent.Id} cannot be deleted ({error.Error}); delete them at the provider");
                context.Ledger.MarkClean(intent);
            }
            catch (ProviderException error)
            {
                Say(intent, $"the files of batch {intent.BatchId ?? intent.Id} are not deleted yet ({error.Error}); the next command tries again");
                if (error.Error.Class is ErrorClass.Unreachable or ErrorClass.Transient)
                {
                    away.Add(intent.Account);
                }
            }
        }
    }

    private static async Task DeleteAsync(Intent intent, IBatchApi api, CancellationToken cancellationToken)
    {
        foreach (var file in await FilesOfAsync(intent, api, cancellationToken).ConfigureAwait(false))
        {
            CrashPoint.Hit("provider.delete.before");
            await api.DeleteFileAsync(file, cancellationToken).ConfigureAwait(false);
            CrashPoint.Hit("provider.delete.after");
        }
    }

    /// <summary>Waits for the provider, and says so when it takes long.</summary>
    private async Task PatientlyAsync(Intent intent, Task deleting)
    {
        try
        {
            await deleting.WaitAsync(SlowAfter, context.Time, CancellationToken.None).ConfigureAwait(false);
        }
        catch (TimeoutException) when (!deleting.IsCompleted)
        {
            Say(intent, $"waiting for `{intent.Provider.Provider}` to delete the files of batch {intent.BatchId ?? intent.Id}; everything is answered and written");
            await deleting.ConfigureAwait(false);
        }
    }

    /// <summary>Returns what a batch has left at the provider: its input first, then its results.</summary>
    private static async Task<IReadOnlyList<string>> FilesOfAsync(Intent intent, IBatchApi api, CancellationToken cancellationToken)
    {
        var files = new List<string>();
        if (intent.FileId is { } input)
        {
            files.Add(input);
        }

        // One that was found by size and time, and gave no answer, was never proved to be ours.
        if (intent.BatchId is { } batch && !(intent.IsProvisional && intent.Usage == default))
        {
            try
            {
                files.AddRange((await api.GetAsync(batch, cancellationToken).ConfigureAwait(false)).ResultFiles);
            }
            catch (ProviderException error) when (error.IsGone)
            {
                // The batch is gone, and its results with it.
            }
        }

        return files;
    }

    private static bool HasKey(IProvider provider)
    {
        try
        {
            provider.EnsureCredentials();
            return true;
        }
        catch (SluiceException)
        {
            return false;
        }
    }

    private void Say(Intent intent, string text)
    {
        if (!_said.TryGetValue(intent.Row, out var before) || before != text)
        {
            _said[intent.Row] = text;
            context.Observe(new Remark(text));
        }
    }
}
