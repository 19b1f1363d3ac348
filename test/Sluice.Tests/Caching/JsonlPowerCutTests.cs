using System.Text;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Tests.Caching;

/// <summary>What a power cut leaves of files that were not synced: pieces that are missing read as zeros, and later ones may be there.</summary>
public sealed class JsonlPowerCutTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-cut-").FullName;
    private readonly List<string> _warnings = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Lines => Assert.Single(Directory.GetFiles(_folder, "*.jsonl"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Lines_that_were_never_written_are_missing_and_those_around_them_are_not(bool withIndex)
    {
        await FillAsync(20);
        byte[] bytes = await File.ReadAllBytesAsync(Lines, Token);
        int[] starts = [0, .. Enumerable.Range(0, bytes.Length).Where(i => bytes[i] == '\n').Select(i => i + 1)];
        // From the middle of the fifth line to the middle of the eighth.
        bytes.AsSpan((starts[4] + 30)..(starts[7] + 30)).Clear();
        await File.WriteAllBytesAsync(Lines, bytes, Token);
        if (!withIndex)
        {
            DeleteIndex();
        }

        await using (JsonlResponseCache cache = Open())
        {
            Assert.Equal(Enumerable.Range(0, 20).Where(i => i is < 4 or > 7), await FoundAsync(cache, 20));
            await cache.PutAsync([Entry(5)], cancellationToken: Token);
            await cache.CompactAsync(Token);
            Assert.Equal(17, await cache.ListAsync(CacheFilter.All, withBodies: true, Token).CountAsync(Token));
        }

        Assert.Contains(_warnings, warning => warning.Contains("power cut", StringComparison.Ordinal) && warning.Contains("asked again", StringComparison.Ordinal));
        DeleteIndex();
        _warnings.Clear();
        await using JsonlResponseCache again = Open();
        Assert.Equal(Enumerable.Range(0, 20).Where(i => i is < 4 or 5 or > 7), await FoundAsync(again, 20));
        Assert.Empty(_warnings);
    }

    [Fact]
    public async Task A_line_that_follows_zeros_at_once_is_a_line()
    {
        await FillAsync(3);
        byte[] bytes = await File.ReadAllBytesAsync(Lines, Token);
        int second = Array.IndexOf(bytes, (byte)'\n') + 1;
        bytes.AsSpan(0, second).Clear();
        await File.WriteAllBytesAsync(Lines, bytes, Token);
        DeleteIndex();

        await using JsonlResponseCache cache = Open();
        Assert.Equal(Enumerable.Range(1, 2), await FoundAsync(cache, 3));
        Assert.Equal(2, await cache.ListAsync(CacheFilter.All, withBodies: true, Token).CountAsync(Token));
    }

    [Fact]
    public async Task A_damaged_line_without_zeros_is_still_an_error()
    {
        await FillAsync(3);
        byte[] bytes = await File.ReadAllBytesAsync(Lines, Token);
        bytes[10] = (byte)'#';
        bytes[0] = (byte)'#';
        await File.WriteAllBytesAsync(Lines, bytes, Token);
        DeleteIndex();

        SluiceException error = Assert.Throws<SluiceException>(Open);
        Assert.Contains("is damaged at byte 0", error.Message, StringComparison.Ordinal);
    }

    private JsonlResponseCache Open() => new(_folder, TimeProvider.System, _warnings.Add);

    private async Task FillAsync(int count)
    {
        await using JsonlResponseCache cache = Open();
        await cache.PutAsync([.. Enumerable.Range(0, count).Select(Entry)], cancellationToken: Token);
    }

    private void DeleteIndex()
    {
        foreach (string part in Directory.GetFiles(_folder, "index.db*"))
        {
            File.Delete(part);
        }
    }

    private static async Task<int[]> FoundAsync(JsonlResponseCache cache, int count)
    {
        var found = new CachedResponse?[count];
        await cache.GetAsync(Enumerable.Range(0, count).Select(Key).ToArray(), found, cancellationToken: Token);
        return [.. Enumerable.Range(0, count).Where(i => found[i] is not null)];
    }

    private static CacheEntry Entry(int number) =>
        new(Key(number), Encoding.UTF8.GetBytes($$"""{"text":"answer {{number}}"}"""), new TokenUsage(1, 1)) { Origin = new ResponseOrigin("openai", "m", "batch-1") };

    private static RequestKey Key(int number)
    {
        byte[] bytes = new byte[RequestKey.Length];
        new Random(number).NextBytes(bytes);
        return new RequestKey(bytes);
    }
}
