using Microsoft.Extensions.Time.Testing;
using Sluice.Caching;

namespace Sluice.Tests.Caching;

public sealed class OutageBufferedCacheTests : CacheStoreConformance
{
    private static readonly DateTimeOffset s_noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new(s_noon);
    private readonly Remarks _remarks = new();

    private string SpoolFolder => Path.Combine(Folder, "spool");

    private int Spools => Directory.Exists(SpoolFolder) ? Directory.GetDirectories(SpoolFolder).Length : 0;

    protected override ICacheStore OpenStore(string folder, TimeProvider time) =>
        new OutageBufferedCache(new SqliteResponseCache(Path.Combine(folder, "cache.db"), time), Path.Combine(folder, "spool"), _remarks.Add, time);

    private FlakyStore Flaky(bool isAway = false) => new(new SqliteResponseCache(Path.Combine(Folder, "cache.db"), _time)) { IsAway = isAway };

    private OutageBufferedCache Buffered(FlakyStore store) => new(store, SpoolFolder, _remarks.Add, _time);

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

    [Fact]
    public async Task Answers_are_kept_while_the_store_is_away_and_carried_over_when_it_is_back()
    {
        FlakyStore store = Flaky();
        await using OutageBufferedCache cache = Buffered(store);
        await cache.PutAsync([Entry(1, "before")], cancellationToken: Token);
        store.IsAway = true;

        Assert.Equal(2, await cache.PutAsync([Entry(2, "two"), Entry(3, "three")], cancellationToken: Token));
        Assert.Equal(1, await cache.PutAsync([Entry(3, "late"), Entry(4, "")], cancellationToken: Token));
        Task synced = cache.SyncAsync(Token).AsTask();
        Assert.Equal(["two", "three", ""], (await GetAsync(cache, 2, 3, 4)).Select(Text));
        Assert.Equal(1, Spools);

        store.IsAway = false;
        await PassAsync(() => _remarks.All.Count == 2);
        await synced;
        Assert.Equal(0, Spools);
        Assert.Equal(["before", "two", "three", ""], (await GetAsync(store, 1, 2, 3, 4)).Select(Text));
        Assert.StartsWith($"the store is away: the test wants it so; look-ups wait for it, and answers that arrive meanwhile are kept in {SpoolFolder}", _remarks.All[0], StringComparison.Ordinal);
        Assert.Matches("^the store is back after .* s; 3 answers that were kept meanwhile are in it now$", _remarks.All[1]);
    }

    [Fact]
    public async Task A_look_up_waits_and_says_so_again_and_again()
    {
        FlakyStore store = Flaky();
        await store.PutAsync([Entry(1, "one")], cancellationToken: Token);
        await using OutageBufferedCache cache = Buffered(store);
        store.IsAway = true;

        Task<CachedResponse?[]> found = GetAsync(cache, 1);
        Task<bool> isEmpty = cache.IsEmptyAsync(Token).AsTask();
        await PassAsync(() => _remarks.All.Count == 3);
        Assert.False(found.IsCompleted);
        Assert.All(_remarks.All.Skip(1), r => Assert.Matches("^the store is still away, for .*: the test wants it so$", r));

        store.IsAway = false;
        await PassAsync(() => found.IsCompleted && isEmpty.IsCompleted);
        Assert.Equal("one", Text((await found)[0]));
        Assert.False(await isEmpty);
        await _remarks.SaidAsync("the store is back");
    }

    [Fact]
    public async Task A_look_does_not_wait_and_still_finds_what_is_kept()
    {
        FlakyStore store = Flaky();
        await store.PutAsync([Entry(1, "one")], cancellationToken: Token);
        await using OutageBufferedCache keeping = Buffered(store);
        store.IsAway = true;
        await keeping.PutAsync([Entry(2, "two")], cancellationToken: Token);
        FlakyStore same = Flaky(isAway: true);

        await using var look = new OutageBufferedCache(same, SpoolFolder, _remarks.Add, _time) { Waits = false };
        Assert.Equal("two", Text((await GetAsync(look, 2))[0]));
        await Assert.ThrowsAsync<CacheAwayException>(() => GetAsync(look, 1));

        same.IsAway = false;
        Assert.Equal(["one", "two"], (await GetAsync(look, 1, 2)).Select(Text));
    }

    [Theory]
    [InlineData("first (copy)")]
    [InlineData("99999999999999999")]
    public async Task Answers_in_a_folder_that_people_have_renamed_are_carried_over(string name)
    {
        await using (OutageBufferedCache keeping = Buffered(Flaky(isAway: true)))
        {
            await keeping.PutAsync([Entry(1, "one")], cancellationToken: Token);
        }

        string segment = Assert.Single(Directory.GetDirectories(SpoolFolder));
        Directory.Move(Path.Combine(segment, "first"), Path.Combine(segment, name));
        Directory.CreateDirectory(Path.Combine(segment, "lost+found"));

        FlakyStore store = Flaky();
        await using OutageBufferedCache cache = Buffered(store);
        Assert.Equal("one", Text((await GetAsync(cache, 1))[0]));
        await PassAsync(() => Spools == 0);
        Assert.Equal("one", Text((await GetAsync(store, 1))[0]));
    }

    [Fact]
    public async Task Waiting_can_be_given_up()
    {
        await using OutageBufferedCache cache = Buffered(Flaky(isAway: true));
        using var stop = new CancellationTokenSource();

        Task waiting = cache.GetAsync(new[] { Key(1) }, new CachedResponse?[1], cancellationToken: stop.Token).AsTask();
        await _remarks.SaidAsync("is away");
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Where_nothing_was_kept_nothing_is_said_to_stay()
    {
        using var stop = new CancellationTokenSource();
        await using (OutageBufferedCache ended = Buffered(Flaky(isAway: true)))
        {
            Task waiting = ended.GetAsync(new[] { Key(1) }, new CachedResponse?[1], cancellationToken: stop.Token).AsTask();
            await _remarks.SaidAsync("is away");
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        }

        await _remarks.SaidAsync("the store is still away; no answers wait for it");
        Assert.DoesNotContain(_remarks.All, r => r.Contains("stay in", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_was_kept_when_a_process_ended_is_carried_over_by_the_next_one()
    {
        await using (OutageBufferedCache ended = Buffered(Flaky(isAway: true)))
        {
            await ended.PutAsync([.. Enumerable.Range(0, 2000).Select(i => Entry(i, $"{i}"))], cancellationToken: Token);
        }

        await _remarks.SaidAsync($"the store is still away: answers that were paid for stay in {SpoolFolder}");
        Assert.Equal(1, Spools);
        FlakyStore store = Flaky();
        await using OutageBufferedCache next = Buffered(store);
        // Found at once, carried over or not yet.
        Assert.Equal("1999", Text((await GetAsync(next, 1999))[0]));
        await _remarks.SaidAsync($"2000 answers that were kept while the store was away are in it now");

        Assert.Equal(0, Spools);
        Assert.Equal([.. Enumerable.Range(0, 2000).Select(i => $"{i}")], (await GetAsync(store, [.. Enumerable.Range(0, 2000)])).Select(Text));
    }

    [Fact]
    public async Task What_a_living_process_keeps_counts_for_the_others_and_stays_with_it()
    {
        await using OutageBufferedCache one = Buffered(Flaky(isAway: true));
        await one.PutAsync([Entry(1, "paid for by one")], cancellationToken: Token);
        FlakyStore store = Flaky();
        await using OutageBufferedCache two = Buffered(store);

        Assert.Equal("paid for by one", Text((await GetAsync(two, 1))[0]));
        Assert.Null(await two.FindAsync(Key(1), Token));
        Assert.Equal(1, Spools);
        await one.PutAsync([Entry(2, "more")], s_noon, Token);
        Assert.Equal("more", Text((await GetAsync(two, 2))[0]));
    }

    [Fact]
    public async Task When_the_store_goes_away_again_in_the_middle_nothing_is_lost()
    {
        FlakyStore store = Flaky(isAway: true);
        await using OutageBufferedCache cache = Buffered(store);
        await cache.PutAsync([.. Enumerable.Range(0, 3000).Select(i => Entry(i, $"{i}"))], cancellationToken: Token);
        store.PutsLeft = 2;
        store.IsAway = false;
        await PassAsync(() => store.IsAway);

        await cache.PutAsync([Entry(3000, "3000")], cancellationToken: Token);
        store.PutsLeft = int.MaxValue;
        store.IsAway = false;
        await PassAsync(() => Spools == 0);

        Assert.Equal([.. Enumerable.Range(0, 3001).Select(i => $"{i}")], (await GetAsync(store, [.. Enumerable.Range(0, 3001)])).Select(Text));
    }

    [Fact]
    public async Task The_answer_that_the_store_has_wins_unless_it_was_to_give_way()
    {
        FlakyStore store = Flaky();
        await store.PutAsync([Entry(1, "old"), Entry(2, "old")], cancellationToken: Token);
        _time.Advance(TimeSpan.FromHours(1));
        await using OutageBufferedCache cache = Buffered(store);
        store.IsAway = true;
        await cache.PutAsync([Entry(1, "new")], cancellationToken: Token);
        await cache.PutAsync([Entry(2, "new")], s_noon.AddHours(1), Token);

        store.IsAway = false;
        await PassAsync(() => Spools == 0);

        Assert.Equal(["old", "new"], (await GetAsync(cache, 1, 2)).Select(Text));
    }

    [Fact]
    public async Task Other_trouble_is_told_to_those_who_wait_and_what_is_kept_stays()
    {
        FlakyStore store = Flaky(isAway: true);
        await using (OutageBufferedCache cache = Buffered(store))
        {
            await cache.PutAsync([Entry(1, "kept")], cancellationToken: Token);
            Task<CachedResponse?[]> found = GetAsync(cache, 2);
            store.Trouble = new SluiceException(ErrorKind.Environment, "it is on fire");
            await PassAsync(() => found.IsCompleted);

            Assert.Equal("it is on fire", (await Assert.ThrowsAsync<SluiceException>(() => found)).Message);
        }

        Assert.Equal(1, Spools);
    }
}
