using System.Buffers.Binary;
using System.Text;
using Microsoft.Data.Sqlite;
using Sluice.Caching;
using Sluice.Recovery;
using Sluice.Storage;
using Sluice.Sweeps;
using Sluice.Tests.Caching;

namespace Sluice.Tests.Recovery;

/// <summary>What a repair finds of a damaged SQLite cache, wherever its answers lie, and what it does with files that were kept.</summary>
public sealed class DamagedCacheTests : IDisposable
{
    private readonly Workspace _workspace = new(Directory.CreateTempSubdirectory("sluice-damaged-").FullName);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_workspace.Root, recursive: true);

    [Fact]
    public async Task Answers_are_saved_although_the_first_million_ids_are_gone()
    {
        await FillAsync(300);
        Sql("UPDATE responses SET id=id+1000001; UPDATE keys SET value=value+1000001; UPDATE keys_recent SET value=value+1000001");
        Sql("UPDATE responses SET body=zeroblob(length(body)) WHERE id=1000005");

        await RepairsAsync(299);
    }

    [Fact]
    public async Task Answers_are_saved_on_both_sides_of_a_gap_of_any_size()
    {
        await FillAsync(300);
        Sql("UPDATE responses SET id=id+3000000000 WHERE id>150; UPDATE keys SET value=value+3000000000 WHERE value>150; UPDATE keys_recent SET value=value+3000000000 WHERE value>150");
        Sql("UPDATE responses SET body=zeroblob(length(body)) WHERE id IN (7, 3000000200)");

        await RepairsAsync(298);
    }

    [Fact]
    public async Task Answers_are_saved_from_behind_a_damage_that_is_too_long_to_step_over()
    {
        await FillAsync(4000);
        // The ids in the middle lie far apart, and their pages cannot be read.
        Sql("UPDATE responses SET id=id+5000000 WHERE id>2500; UPDATE keys SET value=value+5000000 WHERE value>2500; UPDATE keys_recent SET value=value+5000000 WHERE value>2500");
        Sql("UPDATE responses SET id=3000000+id WHERE id BETWEEN 1500 AND 2500; UPDATE keys SET value=3000000+value WHERE value BETWEEN 1500 AND 2500; UPDATE keys_recent SET value=3000000+value WHERE value BETWEEN 1500 AND 2500; VACUUM");
        Overwrite(0.38, 0.06);

        var doctor = new Doctor(_workspace, TimeProvider.System);
        Assert.Contains(await doctor.ExamineAsync(repair: true, cancellationToken: Token), f => f.Subject == _workspace.CachePath && f.IsRepaired);
        var saved = await BodiesAsync();
        Assert.InRange(saved.Count, 3300, 3999);
        // From both ends.
        Assert.Contains(Body(0), saved);
        Assert.Contains(Body(2490), saved);
        Assert.Contains(Body(3999), saved);
    }

    /// <summary>A run, or <c>cache import</c>, has the cache open while it is repaired: what it stores is in the new file, or it is told that it is not.</summary>
    [Fact]
    public async Task No_answer_is_stored_in_a_file_that_a_repair_has_replaced()
    {
        await FillAsync(2000);
        await using var open = new SqliteResponseCache(_workspace.CachePath, TimeProvider.System);
        await open.GetAsync(new[] { TemporaryCache.Entry(1, "").Key }, new CachedResponse?[1], cancellationToken: Token);
        var (stored, refused) = (0, 0);
        var repair = Task.Run(() => new CacheDoctor(_workspace.CachePath, TimeProvider.System).SaveAsync(Token), Token);
        while (refused == 0)
        {
            try
            {
                await open.PutAsync([TemporaryCache.Entry(10_000 + stored, Body(10_000 + stored))], cancellationToken: Token);
                stored++;
            }
            catch (SluiceException error)
            {
                Assert.Equal(ErrorKind.Environment, error.Kind);
                Assert.Contains("another file than when this command began", error.Message, StringComparison.Ordinal);
                refused++;
            }

            Assert.True(stored < 2000 || !repair.IsCompleted, "it stores on in a file that nobody else has");
        }

        await repair;
        var saved = await BodiesAsync();
        Assert.Equal(2000 + stored, saved.Count);
        // Nor is anything looked up in it, by a connection that was open before.
        await Assert.ThrowsAsync<SluiceException>(async () => await open.GetAsync(new[] { TemporaryCache.Entry(1, "").Key }, new CachedResponse?[1], cancellationToken: Token));
    }

    [Fact]
    public async Task A_kept_answer_is_in_the_repaired_cache_with_the_next_command()
    {
        await FillAsync(10);
        var away = Path.Combine(_workspace.Root, "away");
        var remarks = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using (var open = new OutageBufferedCache(new SqliteResponseCache(_workspace.CachePath, TimeProvider.System), away, remarks.Enqueue, TimeProvider.System))
        {
            await new CacheDoctor(_workspace.CachePath, TimeProvider.System).SaveAsync(Token);
            await Assert.ThrowsAsync<AnswersKeptException>(async () => await open.PutAsync([TemporaryCache.Entry(77, Body(77), source: ResponseOrigin.LiveSource)], cancellationToken: Token));
            await Assert.ThrowsAnyAsync<SluiceException>(async () => await open.ReadyAsync(Token));
        }

        await using (var next = new OutageBufferedCache(new SqliteResponseCache(_workspace.CachePath, TimeProvider.System), away, remarks.Enqueue, TimeProvider.System))
        {
            var found = new CachedResponse?[1];
            await next.GetAsync(new[] { TemporaryCache.Entry(77, "").Key }, found, cancellationToken: Token);
            Assert.NotNull(found[0]);
        }

        Assert.Equal(11, (await BodiesAsync()).Count);
    }

    [Fact]
    public async Task A_repair_that_would_have_less_than_can_be_listed_changes_nothing()
    {
        await FillAsync(4000);
        LoseTheWay();
        byte[] before = await File.ReadAllBytesAsync(_workspace.CachePath, Token);

        Finding finding = Assert.Single(await new Doctor(_workspace, TimeProvider.System).ExamineAsync(repair: true, cancellationToken: Token));

        Assert.Matches("of [0-9]+ responses that can be read in .* only [0-9]+ could be copied", finding.Problem);
        Assert.False(finding.IsRepaired);
        Assert.Equal(before, await File.ReadAllBytesAsync(_workspace.CachePath, Token));
        Assert.Equal([Path.GetFileName(_workspace.CachePath)], Directory.GetFiles(Path.GetDirectoryName(_workspace.CachePath)!, "cache.db*").Select(Path.GetFileName).Where(name => !name!.EndsWith("-wal", StringComparison.Ordinal) && !name.EndsWith("-shm", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_part_that_an_earlier_release_has_left_in_place_of_the_whole_is_named_and_made_whole()
    {
        await FillAsync(500);
        File.Move(_workspace.CachePath, _workspace.CachePath + ".damaged-1");
        await FillAsync(120);

        Finding finding = Assert.Single(await new Doctor(_workspace, TimeProvider.System).ExamineAsync(repair: false, cancellationToken: Token));
        Assert.Equal((_workspace.CachePath + ".damaged-1", "it holds 380 answers that the cache does not have", true), (finding.Subject, finding.Problem, finding.IsToDo));
        Assert.Contains("sluice doctor --repair", finding.Remedy, StringComparison.Ordinal);

        var doctor = new Doctor(_workspace, TimeProvider.System);
        Assert.True(Assert.Single(await doctor.ExamineAsync(repair: true, cancellationToken: Token)).IsRepaired);
        Assert.Equal(500, doctor.Responses);
        Assert.Equal(500, (await BodiesAsync()).Count);
        Assert.Empty(await new Doctor(_workspace, TimeProvider.System).ExamineAsync(repair: false, cancellationToken: Token));
    }

    [Fact]
    public async Task The_answers_of_a_kept_file_come_back_although_the_cache_is_gone()
    {
        await FillAsync(50);
        File.Move(_workspace.CachePath, _workspace.CachePath + ".damaged-3");

        Assert.Contains("50 answers", Assert.Single(await new Doctor(_workspace, TimeProvider.System).ExamineAsync(repair: false, cancellationToken: Token)).Problem, StringComparison.Ordinal);
        Assert.False(File.Exists(_workspace.CachePath));
        await new Doctor(_workspace, TimeProvider.System).ExamineAsync(repair: true, cancellationToken: Token);
        Assert.Equal(50, (await BodiesAsync()).Count);
    }

    [Fact]
    public async Task What_a_killed_repair_has_left_unfinished_is_named_and_deleted()
    {
        await FillAsync(10);
        string left = $"{_workspace.CachePath}.999999999-1-{Owner.Self.Split('@')[1]}-1.tmp";
        foreach (string part in (string[])["", "-wal", "-shm"])
        {
            await File.WriteAllTextAsync(left + part, "half", Token);
        }

        Assert.Equal(left, Assert.Single(await new Doctor(_workspace, TimeProvider.System).ExamineAsync(repair: false, cancellationToken: Token)).Subject);
        await new Doctor(_workspace, TimeProvider.System).ExamineAsync(repair: true, cancellationToken: Token);
        Assert.DoesNotContain(Directory.GetFiles(Path.GetDirectoryName(left)!), f => f.Contains(".tmp", StringComparison.Ordinal));
        Assert.Equal(10, (await BodiesAsync()).Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_database_that_is_put_aside_takes_along_what_is_in_its_log(bool isReplaced)
    {
        await FillAsync(100);
        // What a killed process leaves: a log that nobody has folded.
        string database = Path.Combine(_workspace.Root, "database.db");
        await using (var writer = new SqliteResponseCache(_workspace.CachePath, TimeProvider.System))
        {
            await writer.PutAsync([TemporaryCache.Entry(1000, Body(1000))], cancellationToken: Token);
            foreach (string part in (string[])["", "-wal"])
            {
                File.Copy(_workspace.CachePath + part, database + part);
            }
        }

        Assert.True(new FileInfo(database + "-wal").Length > 0);
        string fresh = Path.Combine(_workspace.Root, "fresh.db");
        await new SqliteResponseCache(fresh, TimeProvider.System).DisposeAsync();

        string kept = isReplaced ? SqliteStore.Replace(database, fresh) : SqliteStore.MoveAside(database);

        Assert.Equal(database + ".damaged-1", kept);
        Assert.Equal(isReplaced, File.Exists(database));
        Assert.False(new FileInfo(database + "-wal") is { Exists: true, Length: > 0 });
        await using var old = new SqliteResponseCache(kept, TimeProvider.System);
        Assert.Equal(101, (await TemporaryCache.ListAsync(old)).Count);
    }

    private static string Body(int number) => $"{number} {new string('x', 400)}";

    private async Task FillAsync(int count)
    {
        _workspace.Prepare();
        await using var cache = new SqliteResponseCache(_workspace.CachePath, TimeProvider.System);
        for (var from = 0; from < count; from += 500)
        {
            await cache.PutAsync([.. Enumerable.Range(from, Math.Min(500, count - from)).Select(i => TemporaryCache.Entry(i, Body(i)))], cancellationToken: Token);
        }
    }

    private void Sql(string statement)
    {
        using SqliteConnection connection = SqliteStore.OpenForReading(_workspace.CachePath);
        SqliteStore.Execute(connection, statement);
    }

    /// <summary>Overwrites a share of the file, which begins after another share of it.</summary>
    private void Overwrite(double from, double share)
    {
        byte[] bytes = File.ReadAllBytes(_workspace.CachePath);
        new Random(7).NextBytes(bytes.AsSpan((int)(bytes.Length * from), (int)(bytes.Length * share)));
        File.WriteAllBytes(_workspace.CachePath, bytes);
    }

    /// <summary>Writes over the table's first page that all its other pages but the first begin at one id: rows are still met one after the other, and no longer found by their ids.</summary>
    private void LoseTheWay()
    {
        long root;
        using (SqliteConnection connection = SqliteStore.OpenForReading(_workspace.CachePath))
        {
            using var find = new Statement(connection, "SELECT rootpage FROM sqlite_master WHERE name='responses'");
            root = find.Step() ? find.Integer(0) : 0;
        }

        byte[] bytes = File.ReadAllBytes(_workspace.CachePath);
        const int PageSize = 16384;
        Span<byte> page = bytes.AsSpan((int)(root - 1) * PageSize, PageSize);
        // An interior page of a table: after its head of 12 bytes the places of its cells, each a page's number and the largest id there.
        Assert.Equal(5, page[0]);
        int cells = BinaryPrimitives.ReadUInt16BigEndian(page[3..]);
        int least = 0;
        for (int cell = 0; cell < cells; cell++)
        {
            Span<byte> id = page[(BinaryPrimitives.ReadUInt16BigEndian(page[(12 + (2 * cell))..]) + 4)..];
            int length = id[0] < 128 ? 1 : 2;
            least = cell > 0 ? least : length == 1 ? id[0] : ((id[0] & 127) << 7) + id[1];
            id[length - 1] = (byte)(least & 127);
            id[0] = length == 1 ? id[0] : (byte)(128 | (least >> 7));
        }

        File.WriteAllBytes(_workspace.CachePath, bytes);
    }

    private async Task RepairsAsync(int saved)
    {
        Finding finding = Assert.Single(await new Doctor(_workspace, TimeProvider.System).ExamineAsync(repair: true, cancellationToken: Token));
        Assert.True(finding.IsRepaired);
        Assert.StartsWith($"{saved} responses saved", finding.Remedy, StringComparison.Ordinal);
        Assert.Equal(saved, (await BodiesAsync()).Count);
        Assert.Empty(await new Doctor(_workspace, TimeProvider.System).ExamineAsync(repair: false, cancellationToken: Token));
    }

    private async Task<HashSet<string>> BodiesAsync()
    {
        await using var cache = new SqliteResponseCache(_workspace.CachePath, TimeProvider.System);
        return [.. (await TemporaryCache.ListAsync(cache)).Select(e => Encoding.UTF8.GetString(e.Body!))];
    }
}
