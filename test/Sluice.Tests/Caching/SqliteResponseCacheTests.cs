using Sluice.Caching;
using Sluice.Storage;

namespace Sluice.Tests.Caching;

public sealed class SqliteResponseCacheTests : CacheStoreConformance
{
    private string DatabasePath => Path.Combine(Folder, "cache.db");

    protected override ICacheStore OpenStore(string folder, TimeProvider time) => new SqliteResponseCache(Path.Combine(folder, "cache.db"), time);

    [Fact]
    public async Task Only_the_owner_can_read_the_files()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no such modes");
            return;
        }

        await using IResponseCache cache = Open(Folder);
        await cache.PutAsync([Entry(1, "secret")], cancellationToken: Token);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        string[] files = Directory.GetFiles(Folder);
        Assert.Contains(files, f => f.EndsWith("-wal", StringComparison.Ordinal));
        foreach (string file in files)
        {
            Assert.Equal((file, UnixFileMode.UserRead | UnixFileMode.UserWrite), (file, File.GetUnixFileMode(file)));
        }
    }

    [Fact]
    public async Task Many_who_open_a_new_store_at_once_all_get_it()
    {
        // The moment at which the file gets its write-ahead log is short: several rounds meet it.
        for (var round = 0; round < 20; round++)
        {
            var folder = Path.Combine(Folder, $"{round}");
            IResponseCache[] caches = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => Task.Run(() => Open(folder), Token)));

            int[] added = await Task.WhenAll(caches.Select(c => c.PutAsync([Entry(1, "one")], cancellationToken: Token).AsTask()));

            Assert.Equal(1, added.Sum());
            foreach (IResponseCache cache in caches)
            {
                await cache.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task A_file_of_a_newer_release_is_left_alone()
    {
        await Open(Folder).DisposeAsync();
        using (var connection = SqliteStore.Open(DatabasePath, 4096, 64, 100))
        {
            SqliteStore.Execute(connection, "PRAGMA user_version=99");
        }

        SluiceException error = Assert.Throws<SluiceException>(() => Open(Folder));

        Assert.Equal(ErrorKind.Environment, error.Kind);
        Assert.Contains("schema 99", error.Message, StringComparison.Ordinal);
        Assert.Contains("newer", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_database_is_left_alone()
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(DatabasePath, new string('x', 10_000));

        SluiceException error = Assert.Throws<SluiceException>(() => Open(Folder));

        Assert.Contains("cache.db", error.Message, StringComparison.Ordinal);
        Assert.Equal(10_000, new FileInfo(DatabasePath).Length);
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_named()
    {
        File.WriteAllText(Folder, "a file where the folder should be");

        Assert.Contains(Folder, Assert.Throws<SluiceException>(() => Open(Folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_write_is_told_to_its_caller_and_the_next_one_works()
    {
        await using IResponseCache cache = Open(Folder);
        await cache.PutAsync([Entry(1, "one")], cancellationToken: Token);
        using (var connection = SqliteStore.Open(DatabasePath, 4096, 64, 100))
        {
            SqliteStore.Execute(connection, "CREATE TRIGGER refuse BEFORE INSERT ON responses BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
            SluiceException error = await Assert.ThrowsAsync<SluiceException>(async () => await cache.PutAsync([Entry(2, "two"), Entry(3, "three")], cancellationToken: Token));
            Assert.Contains("refused by the test", error.Message, StringComparison.Ordinal);
            SqliteStore.Execute(connection, "DROP TRIGGER refuse");
        }

        Assert.Null((await GetAsync(cache, 2))[0]);
        Assert.Equal(2, await cache.PutAsync([Entry(2, "two"), Entry(3, "three")], cancellationToken: Token));
        Assert.Equal("two", Text((await GetAsync(cache, 2))[0]));
    }

    [Fact]
    public async Task A_put_after_the_end_fails_instead_of_waiting_for_ever()
    {
        IResponseCache cache = Open(Folder);
        await cache.DisposeAsync();

        await Assert.ThrowsAnyAsync<Exception>(async () => await cache.PutAsync([Entry(1, "late")], cancellationToken: Token));
    }

    [Fact]
    public async Task A_page_of_zeros_is_named_by_everything_that_reads_or_writes_the_whole_store()
    {
        await using (ICacheStore filled = OpenStore(Folder, TimeProvider.System))
        {
            await filled.PutAsync([.. Enumerable.Range(0, 500).Select(i => Entry(i, new string('x', 800)))], cancellationToken: Token);
        }

        using (FileStream file = File.OpenWrite(DatabasePath))
        {
            file.Position = 16384 * 20;
            file.Write(new byte[16384]);
        }

        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);

        Assert.Contains("damaged", (await Assert.ThrowsAsync<SluiceException>(async () => await cache.CompactAsync(Token))).Message, StringComparison.Ordinal);
        Assert.Contains("damaged", Assert.Throws<SluiceException>(() => ((SqliteResponseCache)cache).BackUp(Path.Combine(Folder, "copy.db"))).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Folder, "copy.db")));
    }
}
