using Sluice.Caching;

namespace Sluice.Tests.Caching;

public sealed class CacheRecordTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-record-").FullName;

    private string File => Path.Combine(_folder, "cache.json");

    [Fact]
    public void What_was_written_is_read_again()
    {
        var settings = new CacheSettings { Backend = CacheSettings.Redis, RedisUrl = "rediss://h:1/2", RedisPrefix = "team" };
        CacheRecord.Write(File, settings);

        Assert.Equal(settings, CacheRecord.Read(File));
        Assert.Null(CacheRecord.Read(Path.Combine(_folder, "none.json")));
        Assert.Null(CacheRecord.Read(Path.Combine(_folder, "none", "none.json")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"backend":1,"redis_url":null,"redis_prefix":"p"}""")]
    public void A_damaged_one_is_named(string text)
    {
        System.IO.File.WriteAllText(File, text);

        Assert.Contains("cache.json is damaged", Assert.Throws<SluiceException>(() => CacheRecord.Read(File)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
