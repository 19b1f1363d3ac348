using Microsoft.Extensions.Time.Testing;
using Sluice.Ledger;
using Sluice.Requests;
using Sluice.Storage;
using Sluice.Tests.Dispatch;

namespace Sluice.Tests.Ledger;

/// <summary>A ledger in a folder of its own, and short names for what tests do with it.</summary>
public abstract class LedgerTests : IDisposable
{
    private readonly List<LedgerStore> _open = [];

    protected string Folder { get; } = Directory.CreateTempSubdirectory("sluice-ledger-").FullName;

    protected string DatabasePath => Path.Combine(Folder, "ledger.db");

    protected string SpoolFolder => Path.Combine(Folder, "spool");

    protected FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));

    protected LedgerStore Ledger => _open.Count == 0 ? Open() : _open[0];

    internal static ScriptedProvider Provider { get; } = new();

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _open.ForEach(l => l.Dispose());
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Opens the ledger, if need be as another process does.</summary>
    protected LedgerStore Open(string? owner = null)
    {
        var ledger = new LedgerStore(DatabasePath, Time, owner ?? Owner.Self);
        lock (_open)
        {
            _open.Add(ledger);
        }

        return ledger;
    }

    protected static RequestKey Key(int number)
    {
        byte[] bytes = new byte[RequestKey.Length];
        new Random(number).NextBytes(bytes);
        return new RequestKey(bytes);
    }

    protected static RequestKey[] Keys(int from, int count) => [.. Enumerable.Range(from, count).Select(Key)];

    protected static Intent Begin(LedgerStore ledger, string model = "m") => ledger.Begin(Provider, model);

    protected static long[] Claim(LedgerStore ledger, Intent intent, RequestKey[] keys, bool retryFailed = false)
    {
        long[] claimed = new long[keys.Length];
        ledger.Claim(intent, keys, claimed, retryFailed);
        return claimed;
    }

}
