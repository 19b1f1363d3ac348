using Microsoft.Extensions.Time.Testing;
using Sluice.Caching;
using Sluice.Caching.Exchange;

namespace Sluice.Tests.Caching.Exchange;

/// <summary>A backup is there when it is complete, and never before.</summary>
public sealed class BackupTests : IAsyncDisposable
{
    private readonly TemporaryCache _there = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _there.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Until_it_is_complete_nothing_has_its_name(bool isSqlite)
    {
        await using ICacheStore store = await FilledAsync(isSqlite);
        string target = Path.Combine(_there.Folder, "backup.db");
        bool wasThere = false;

        await new CacheBackup(store, TimeProvider.System) { Progress = _ => wasThere |= File.Exists(target) }.WriteAsync(target, Token);

        Assert.False(wasThere);
        Assert.Equal(["backup.db"], Directory.EnumerateFiles(_there.Folder, "backup*").Select(Path.GetFileName));
        await using var backup = new SqliteResponseCache(target, TimeProvider.System);
        int count = 0;
        await foreach (StoredResponse entry in backup.ListAsync(CacheFilter.All, withBodies: true, Token))
        {
            count++;
        }

        Assert.Equal(100, count);
        Assert.Contains("exists already", (await Assert.ThrowsAsync<SluiceException>(() => new CacheBackup(store, TimeProvider.System).WriteAsync(target, Token))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_killed_one_has_left_is_deleted_and_a_failed_one_leaves_nothing()
    {
        await using ICacheStore store = await FilledAsync(isSqlite: false);
        string target = Path.Combine(_there.Folder, "backup.db");
        string left = $"{target}.999999999-1-elsewhere-1.tmp";
        string other = Path.Combine(_there.Folder, "backup.dbx.999999999-1-elsewhere-1.tmp");
        foreach (string file in (string[])[left, left + "-wal", left + "-shm", other])
        {
            await File.WriteAllTextAsync(file, "half", Token);
        }

        var tomorrow = new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddDays(2));
        var stopped = new CacheBackup(store, tomorrow) { Progress = _ => throw new OperationCanceledException() };
        await Assert.ThrowsAsync<OperationCanceledException>(() => stopped.WriteAsync(target, Token));

        Assert.Equal([Path.GetFileName(other)], Directory.EnumerateFiles(_there.Folder, "backup*").Select(Path.GetFileName));
    }

    private async Task<ICacheStore> FilledAsync(bool isSqlite)
    {
        ICacheStore store = isSqlite
            ? new SqliteResponseCache(Path.Combine(_there.Folder, "full.db"), TimeProvider.System)
            : new JsonlResponseCache(Path.Combine(_there.Folder, "full"), TimeProvider.System, _ => { });
        await store.PutAsync([.. Enumerable.Range(0, 100).Select(i => TemporaryCache.Entry(i, $"{i}"))], cancellationToken: Token);
        return store;
    }
}
