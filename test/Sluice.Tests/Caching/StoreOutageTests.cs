using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Tests.Caching;

/// <summary>Stores that cannot take a paid answer: it waits beside them, wherever there is a place, and nothing new is begun.</summary>
public sealed class StoreOutageTests : IDisposable
{
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(50);

    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-outage-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 27, 12, 0, 0, TimeSpan.Zero));
    private readonly Remarks _remarks = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Buffer => Path.Combine(_folder, "buffer");

    private string Second => Path.Combine(_folder, "second");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task A_store_that_another_process_has_locked_gets_the_answers_when_it_is_free(string kind)
    {
        ICacheStore store = Open(kind);
        await using OutageBufferedCache cache = Buffered(store);
        await cache.PutAsync([Live(1, "before")], cancellationToken: Token);
        Task ready;
        using (await LockedAsync(kind))
        {
            Assert.Equal(1, await cache.PutAsync([Live(2, "paid")], cancellationToken: Token));
            Assert.Single(Directory.GetDirectories(Buffer));
            Assert.Equal("paid", await TextAsync(cache, 2));
            ready = cache.ReadyAsync(Token).AsTask();
            await PassAsync(() => _remarks.All.Any(r => r.Contains("is still away, for ", StringComparison.Ordinal)));
            Assert.False(ready.IsCompleted);
            Assert.Contains(_remarks.All, r => r.Contains("another process has locked it", StringComparison.Ordinal) && r.Contains(Buffer, StringComparison.Ordinal));
        }

        await PassAsync(() => ready.IsCompleted && !Directory.GetDirectories(Buffer).Any());
        await ready;
        Assert.Equal(["before", "paid"], [await TextAsync(store, 1), await TextAsync(store, 2)]);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task What_is_kept_when_the_command_ends_under_the_lock_is_taken_in_by_the_next_one(string kind)
    {
        OutageBufferedCache ended = Buffered(Open(kind));
        using (await LockedAsync(kind))
        {
            await ended.PutAsync([Live(1, "paid")], cancellationToken: Token);
            await ended.DisposeAsync();
        }

        await _remarks.SaidAsync($"answers that were paid for stay in {Buffer}, and the next command carries them over");
        await using OutageBufferedCache next = Buffered(Open(kind));
        Assert.Equal("paid", await TextAsync(next, 1));
        await PassAsync(() => !Directory.GetDirectories(Buffer).Any());
    }

    [Fact]
    public async Task Without_a_buffer_a_lock_is_an_error_that_says_what_is_in_the_way()
    {
        await using ICacheStore store = Open("sqlite");
        using (await LockedAsync("sqlite"))
        {
            CacheAwayException error = await Assert.ThrowsAsync<CacheAwayException>(async () => await store.PutAsync([Live(1, "one")], cancellationToken: Token));
            Assert.Contains("cache.db", error.Message, StringComparison.Ordinal);
            Assert.Contains("another process has locked it", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(1, await store.PutAsync([Live(1, "one")], cancellationToken: Token));
    }

    [Fact]
    public async Task A_store_that_people_must_put_right_ends_nothing_but_the_moment()
    {
        FlakyStore store = new(Open("sqlite"));
        await using OutageBufferedCache cache = Buffered(store);
        store.PutTrouble = Full();

        AnswersKeptException kept = await Assert.ThrowsAsync<AnswersKeptException>(async () => await cache.PutAsync([Live(1, "paid")], cancellationToken: Token));
        Assert.Equal("the disk is full", kept.Message);
        Assert.Contains($"are kept in {Buffer}, and the next command takes them in", kept.Hint, StringComparison.Ordinal);
        await Assert.ThrowsAsync<AnswersKeptException>(async () => await cache.ReadyAsync(Token));

        store.PutTrouble = null;
        await cache.ReadyAsync(Token);
        Assert.Equal("paid", await TextAsync(store, 1));
        Assert.Empty(Directory.GetDirectories(Buffer));
        await cache.ReadyAsync(Token);
    }

    [Fact]
    public async Task A_put_that_succeeds_again_brings_along_what_was_kept()
    {
        FlakyStore store = new(Open("sqlite")) { PutTrouble = Full() };
        await using OutageBufferedCache cache = Buffered(store);
        await Assert.ThrowsAsync<AnswersKeptException>(async () => await cache.PutAsync([Live(1, "paid")], cancellationToken: Token));

        store.PutTrouble = null;
        await cache.PutAsync([Live(2, "later")], cancellationToken: Token);

        await PassAsync(() => !Directory.GetDirectories(Buffer).Any());
        Assert.Equal("paid", await TextAsync(store, 1));
    }

    [Fact]
    public async Task When_the_workspace_cannot_be_written_live_answers_lie_elsewhere_and_the_next_command_takes_them_in()
    {
        await File.WriteAllTextAsync(Buffer, "a file where the folder would be", Token);
        await using (var cache = Buffered(new FlakyStore(Open("sqlite")) { PutTrouble = Full() }))
        {
            var kept = await Assert.ThrowsAsync<AnswersKeptException>(async () => await cache.PutAsync([Live(1, "paid")], cancellationToken: Token));
            Assert.Contains(Second, kept.Hint, StringComparison.Ordinal);
            Assert.Equal("paid", await TextAsync(cache, 1));
        }

        Assert.Contains(_remarks.All, r => r.Contains($"stay in {Second}, and the next command takes them in", StringComparison.Ordinal));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, new DirectoryInfo(Second).UnixFileMode);
        }

        ICacheStore store = Open("sqlite");
        await using OutageBufferedCache next = Buffered(store);
        await PassAsync(() => !Directory.Exists(Second));
        Assert.Equal("paid", await TextAsync(store, 1));
    }

    [Fact]
    public async Task Answers_of_a_batch_which_can_be_fetched_again_lie_nowhere_else()
    {
        await File.WriteAllTextAsync(Buffer, "a file where the folder would be", Token);
        await using OutageBufferedCache cache = Buffered(new FlakyStore(Open("sqlite")) { PutTrouble = Full() });

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(async () => await cache.PutAsync([TemporaryCache.Entry(1, "batch")], cancellationToken: Token));

        Assert.Equal("the disk is full", error.Message);
        Assert.False(Directory.Exists(Second));
    }

    [Fact]
    public async Task An_answer_that_no_place_takes_is_an_error_and_not_said_to_be_kept()
    {
        await File.WriteAllTextAsync(Buffer, "", Token);
        await File.WriteAllTextAsync(Second, "", Token);
        await using OutageBufferedCache cache = Buffered(new FlakyStore(Open("sqlite")) { PutTrouble = Full() });

        foreach (Func<Task> ask in (Func<Task>[])[async () => await cache.PutAsync([Live(1, "lost")], cancellationToken: Token), async () => await cache.ReadyAsync(Token)])
        {
            SluiceException error = await Assert.ThrowsAsync<SluiceException>(ask);
            Assert.Equal(("the disk is full", "free some space"), (error.Message, error.Hint));
        }
    }

    [Fact]
    public async Task A_second_place_that_others_can_write_is_neither_read_nor_written()
    {
        await using (var planted = new JsonlResponseCache(Path.Combine(Second, "planted", "first"), _time, _ => { }))
        {
            await planted.PutAsync([Live(1, "planted")], cancellationToken: Token);
        }

        Assert.SkipWhen(OperatingSystem.IsWindows(), "modes of files are those of POSIX");
        if (!OperatingSystem.IsWindows())
        {
            new DirectoryInfo(Second).UnixFileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        }

        await File.WriteAllTextAsync(Buffer, "", Token);
        FlakyStore store = new(Open("sqlite"));
        await using OutageBufferedCache cache = Buffered(store);

        Assert.Null(await TextAsync(cache, 1));
        store.PutTrouble = Full();
        await Assert.ThrowsAsync<SluiceException>(async () => await cache.PutAsync([Live(2, "paid")], cancellationToken: Token));
        Assert.Equal(["planted"], Directory.GetFileSystemEntries(Second).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Outages_that_end_as_soon_as_they_have_begun_are_each_seen_to_be_over()
    {
        FlakyStore store = new(Open("sqlite"));
        await using var cache = new OutageBufferedCache(store, Buffer, _remarks.Add, new HastyTime());
        for (var i = 0; i < 100; i++)
        {
            store.GoAwayOnce();
            await cache.PutAsync([Live(i, "paid")], cancellationToken: Token);
            // Waits for ever where a look that is over is taken for one that still goes on.
            await cache.ReadyAsync(Token).AsTask().WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Token);
        }
    }

    private static SluiceException Full() => new(ErrorKind.Environment, "the disk is full", "free some space");

    private static CacheEntry Live(int key, string body) => TemporaryCache.Entry(key, body, source: ResponseOrigin.LiveSource);

    private static async Task<string?> TextAsync(IResponseCache cache, int key)
    {
        var found = new CachedResponse?[1];
        await cache.GetAsync(new[] { TemporaryCache.Key(key) }, found, cancellationToken: Token);
        return found[0] is { } response ? System.Text.Encoding.UTF8.GetString(response.Body.Span) : null;
    }

    private ICacheStore Open(string kind) => kind == "sqlite"
        ? new SqliteResponseCache(Path.Combine(_folder, "cache.db"), _time, lockWait: s_short)
        : new JsonlResponseCache(Path.Combine(_folder, "cache"), _time, _remarks.Add, lockWait: s_short);

    private OutageBufferedCache Buffered(ICacheStore store) => new(store, Buffer, _remarks.Add, _time, Second);

    /// <summary>Holds the store's lock, as another process would.</summary>
    private async Task<SqliteConnection> LockedAsync(string kind)
    {
        // Made first: an empty file has no tables to be locked out of.
        await Open(kind).DisposeAsync();
        var connection = new SqliteConnection($"Data Source={(kind == "sqlite" ? Path.Combine(_folder, "cache.db") : Path.Combine(_folder, "cache", "index.db"))};Pooling=False");
        await connection.OpenAsync(Token);
        await using SqliteCommand begin = connection.CreateCommand();
        begin.CommandText = "BEGIN IMMEDIATE";
        await begin.ExecuteNonQueryAsync(Token);
        return connection;
    }

    /// <summary>Lets time go by until something is so.</summary>
    private async Task PassAsync(Func<bool> until)
    {
        while (!until())
        {
            Token.ThrowIfCancellationRequested();
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
    }

    /// <summary>A clock whose timers are due at once.</summary>
    private sealed class HastyTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : TimeSpan.Zero, period);
    }
}
