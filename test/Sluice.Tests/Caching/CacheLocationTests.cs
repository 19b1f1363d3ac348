using Sluice.Cli;

namespace Sluice.Tests.Caching;

public sealed class CacheLocationTests
{
    [Theory]
    [InlineData("sqlite", "sqlite", null)]
    [InlineData("sqlite:a/b.db", "sqlite", "a/b.db")]
    [InlineData("jsonl", "jsonl", null)]
    [InlineData("jsonl:C:folder", "jsonl", "C:folder")]
    [InlineData("redis", "redis", null)]
    [InlineData("redis://host", "redis", "redis://host")]
    [InlineData("redis://host:6380/2", "redis", "redis://host:6380/2")]
    [InlineData("rediss://host/", "redis", "rediss://host/")]
    public void A_location_has_a_kind_and_a_place(string text, string kind, string? place) => Assert.Equal(new CacheLocation(kind, place), CacheLocation.Parse(text));

    [Theory]
    [InlineData("redis://host:6380/2?prefix=team", "team")]
    [InlineData("redis://host?prefix=a%20b%27", "a b'")]
    public void A_prefix_is_read_and_written_the_same(string text, string prefix)
    {
        CacheLocation location = CacheLocation.Parse(text);

        Assert.Equal((prefix, text), (location.Prefix, location.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("memory")]
    [InlineData("sqlite:")]
    [InlineData("cache.db")]
    [InlineData("redis:host")]
    [InlineData("redis://")]
    [InlineData("redis://host/zero")]
    [InlineData("redis://host/1/2")]
    [InlineData("redis://host/?password=secret")]
    [InlineData("redis://:secret@host")]
    [InlineData("rediss://user:secret@host:6380/1")]
    public void Anything_else_is_refused_and_no_password_is_repeated(string text)
    {
        var error = Assert.Throws<SluiceException>(() => CacheLocation.Parse(text));

        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.NotNull(error.Hint);
        Assert.DoesNotContain("secret", error.Message + error.Hint, StringComparison.Ordinal);
    }
}
