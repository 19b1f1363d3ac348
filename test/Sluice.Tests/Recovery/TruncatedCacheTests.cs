using System.Text;
using Sluice.Caching;
using Sluice.Recovery;
using Sluice.Sweeps;
using Sluice.Tests.Caching;

namespace Sluice.Tests.Recovery;

/// <summary>A SQLite cache that was cut off: what is on the pages that are left is saved.</summary>
public sealed class TruncatedCacheTests : IDisposable
{
    private readonly Workspace _workspace = new(Directory.CreateTempSubdirectory("sluice-doctor-").FullName);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_workspace.Root, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_response_that_can_be_read_is_saved(bool withRequests)
    {
        _workspace.Prepare();
        await using (var cache = new SqliteResponseCache(_workspace.CachePath, TimeProvider.System))
        {
            for (int group = 0; group < 20; group++)
            {
                await cache.PutAsync([.. Enumerable.Range(group * 100, 100).Select(i => TemporaryCache.Entry(i, Body(i)) with { Request = withRequests ? Encoding.UTF8.GetBytes(Body(-i)) : null })], cancellationToken: Token);
            }
        }

        // More than half is lost; where there are requests, they lie between the responses.
        using (var file = File.Open(_workspace.CachePath, FileMode.Open))
        {
            file.SetLength(1_000_000);
        }

        var doctor = new Doctor(_workspace, TimeProvider.System);
        Finding finding = Assert.Single(await doctor.ExamineAsync(repair: true, cancellationToken: Token), f => f.Subject == _workspace.CachePath);

        Assert.True(finding.IsRepaired);
        await using var saved = new SqliteResponseCache(_workspace.CachePath, TimeProvider.System);
        int count = 0;
        await foreach (StoredResponse entry in saved.ListAsync(CacheFilter.All, withBodies: true, Token))
        {
            Assert.Equal((null, Body((int)entry.Usage.Input)), (entry.Problem, Encoding.UTF8.GetString(entry.Body!)));
            Assert.Equal(TemporaryCache.Key((int)entry.Usage.Input), entry.Key);
            count++;
        }

        // A megabyte has room for some 660 bodies, or half of that where each has its request beside it.
        Assert.InRange(count, withRequests ? 200 : 450, withRequests ? 500 : 700);
        Assert.StartsWith($"{count} responses saved", finding.Remedy, StringComparison.Ordinal);
    }

    private static string Body(int number) => $"{number} {new string('x', 1400)}";
}
