using System.Text;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Tests.Caching;

/// <summary>Finding entries by a key, a part of one, or a text.</summary>
public sealed class CacheSearchTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_or_the_beginning_of_one_finds_its_entry()
    {
        await using var cache = new TemporaryCache();
        await cache.PutAsync([.. Enumerable.Range(0, 100).Select(i => TemporaryCache.Entry(i, $"body {i}"))]);
        string key = TemporaryCache.Key(42).ToString();

        foreach (int length in (int[])[6, 20, 42, 43])
        {
            Assert.Equal("body 42", Encoding.UTF8.GetString((await KeySearch.FindAsync(cache.Cache, key[..length], Token)).Body!));
        }
    }

    [Fact]
    public async Task A_beginning_of_several_keys_names_them()
    {
        await using var cache = new TemporaryCache();
        for (byte last = 0; last < 7; last++)
        {
            byte[] bytes = new byte[RequestKey.Length];
            bytes[^1] = last;
            await cache.PutAsync(TemporaryCache.Entry(1, "x") with { Key = new RequestKey(bytes) });
        }

        var error = await Assert.ThrowsAsync<SluiceException>(() => KeySearch.FindAsync(cache.Cache, "AAAAAAAA", Token));

        Assert.Contains("several keys begin with `AAAAAAAA`: AAAA", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(", ...", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AAAAA", "is no key")]
    [InlineData("", "is no key")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "is no key")]
    [InlineData("AAAA+AAA", "is no key")]
    [InlineData("AAAAAAüA", "is no key")]
    [InlineData("AAAAAA", "no key that begins with `AAAAAA`")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "no response to `AAAA")]
    public async Task What_is_no_key_or_not_there_is_said(string text, string message)
    {
        await using var cache = new TemporaryCache();
        await cache.PutAsync(TemporaryCache.Entry(1, "one"));

        var error = await Assert.ThrowsAsync<SluiceException>(() => KeySearch.FindAsync(cache.Cache, text, Token));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    [Theory]
    [InlineData("""{"a":"say hello"}""", "hello", false, "say hello")]
    [InlineData("""{"a":"say HELLO"}""", "hello", false, null)]
    [InlineData("""{"a":"say HELLO"}""", "hello", true, "say HELLO")]
    [InlineData("""{"hello":1}""", "hello", false, null)]
    [InlineData("""{"a":["x",{"b":"Z\u00fcrich \"now\"\nthen"}]}""", "Zürich \"now\"\nt", false, "Zürich \"now\"\nthen")]
    [InlineData("""{"a":"half \ud83d of a duck"}""", "of a", false, "half \ufffd of a duck")]
    [InlineData("<html>hello</html>", "hello", false, "<html>hello</html>")]
    [InlineData("", "hello", false, null)]
    [InlineData("12", "12", false, null)]
    public void Texts_are_found_as_people_read_them(string body, string text, bool ignoresCase, string? excerpt) =>
        Assert.Equal(excerpt, new TextSearch(text, ignoresCase).Find(Encoding.UTF8.GetBytes(body)));

    [Fact]
    public void An_excerpt_is_short_and_never_cuts_a_character()
    {
        string ducks = string.Concat(Enumerable.Repeat("🦆", 100));

        string? excerpt = new TextSearch("here", ignoresCase: false).Find(Encoding.UTF8.GetBytes($"{{\"a\":\"{ducks}x here x{ducks}\"}}"));

        Assert.NotNull(excerpt);
        Assert.InRange(excerpt.Length, 10, 100);
        Assert.StartsWith("...🦆", excerpt, StringComparison.Ordinal);
        Assert.EndsWith("🦆...", excerpt, StringComparison.Ordinal);
        Assert.Equal(excerpt, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(excerpt)));
    }
}
