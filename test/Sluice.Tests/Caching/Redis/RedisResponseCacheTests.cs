using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Sluice.Caching;
using Sluice.Requests;
using Sluice.Testing;
using StackExchange.Redis;

namespace Sluice.Tests.Caching.Redis;

public sealed class RedisResponseCacheTests(RedisResponseCacheTests.Shared shared) : CacheStoreConformance, IClassFixture<RedisResponseCacheTests.Shared>
{
    private static readonly DateTimeOffset s_noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    /// <summary>One server for all tests that leave it as it is; each has a prefix of its own.</summary>
    public sealed class Shared : IDisposable
    {
        private readonly Lazy<RedisServer> _server = new(() => RedisServers.Start());

        public RedisServer Server => _server.Value;

        public void Dispose()
        {
            if (_server.IsValueCreated)
            {
                _server.Value.Dispose();
            }
        }
    }

    protected override ICacheStore OpenStore(string folder, TimeProvider time) => Store(folder, time: time);

    private RedisResponseCache Store(string prefix, TimeSpan? expiry = null, Action<string>? remark = null, TimeProvider? time = null) =>
        new(new RedisOptions(shared.Server.Url) { Prefix = prefix, Expiry = expiry }, remark ?? (_ => { }), time ?? TimeProvider.System);

    private async Task<IDatabase> ClientAsync() => (await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{shared.Server.Port}")).GetDatabase();

    [Fact]
    public async Task A_response_is_one_key_whose_value_is_a_line_of_JSON()
    {
        await using RedisResponseCache cache = Store("mine");
        await cache.PutAsync([Entry(1, """{"a":1}""") with { CreatedAt = s_noon }], cancellationToken: Token);

        string? value = await (await ClientAsync()).StringGetAsync($"mine:r:{Key(1)}");

        Assert.StartsWith($$"""{"key":"{{Key(1)}}","created":"2026-11-24T12:00:00.000Z","provider":"openai","model":"m",""", value, StringComparison.Ordinal);
        Assert.EndsWith(""","response":{"a":1}}""", value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stores_of_different_prefixes_do_not_see_each_other()
    {
        await using RedisResponseCache one = Store("p*");
        await using RedisResponseCache two = Store("p*:r");
        await using RedisResponseCache three = Store("px");
        foreach (RedisResponseCache cache in (RedisResponseCache[])[two, three])
        {
            await cache.PutAsync([Entry(1, "of another")], cancellationToken: Token);
        }

        Assert.True(await one.IsEmptyAsync(Token));
        Assert.Null((await GetAsync(one, 1))[0]);
        Assert.Equal(0, await one.DeleteAsync(CacheFilter.All, Token));
        Assert.Equal("of another", Text((await GetAsync(two, 1))[0]));
        Assert.Equal(1, await three.DeleteAsync(CacheFilter.All, Token));
    }

    [Fact]
    public async Task An_expiry_is_given_to_Redis_with_every_put_and_every_replacement()
    {
        await using RedisResponseCache cache = Store("expiring", TimeSpan.FromDays(30));
        await using RedisResponseCache lasting = Store("lasting");
        IDatabase client = await ClientAsync();
        foreach (RedisResponseCache store in (RedisResponseCache[])[cache, lasting])
        {
            await store.PutAsync([Entry(1, "a"), Entry(2, "b") with { CreatedAt = s_noon }], cancellationToken: Token);
            Assert.Equal(1, await store.PutAsync([Entry(2, "b anew")], s_noon.AddDays(1), Token));
        }

        foreach (int key in (int[])[1, 2])
        {
            TimeSpan? left = await client.KeyTimeToLiveAsync($"expiring:r:{Key(key)}");
            Assert.InRange(left!.Value, TimeSpan.FromDays(29), TimeSpan.FromDays(30));
            Assert.Null(await client.KeyTimeToLiveAsync($"lasting:r:{Key(key)}"));
        }

        // As if the thirty days were over.
        await client.KeyExpireAsync($"expiring:r:{Key(1)}", TimeSpan.Zero);
        Assert.Equal([null, "b anew"], (await GetAsync(cache, 1, 2)).Select(Text));
    }

    [Fact]
    public async Task Of_two_that_replace_the_same_response_one_wins_and_its_answer_stays()
    {
        await using RedisResponseCache one = Store("replacing");
        await using RedisResponseCache two = Store("replacing");
        await one.PutAsync([.. Enumerable.Range(0, 300).Select(i => Entry(i, "old") with { CreatedAt = s_noon })], cancellationToken: Token);

        int[] added = await Task.WhenAll(((RedisResponseCache[])[one, two]).Select((store, i) => Task.Run(async () =>
            await store.PutAsync([.. Enumerable.Range(0, 300).Select(k => Entry(k, $"new by {i}"))], DateTimeOffset.UnixEpoch.AddYears(60), Token), Token)));

        Assert.Equal(300, added.Sum());
        Assert.All(await GetAsync(one, [.. Enumerable.Range(0, 300)]), r => Assert.StartsWith("new by ", Text(r), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_value_that_is_no_response_is_named_and_never_given_out()
    {
        await using RedisResponseCache cache = Store("damaged");
        await cache.PutAsync([Entry(1, "one"), Entry(2, "two")], cancellationToken: Token);
        IDatabase client = await ClientAsync();
        await client.StringSetAsync($"damaged:r:{Key(1)}", "nonsense");
        await client.StringSetAsync($"damaged:r:{Key(3)}", await client.StringGetAsync($"damaged:r:{Key(2)}"));

        foreach (int key in (int[])[1, 3])
        {
            SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => GetAsync(cache, key));
            Assert.Contains($"{Key(key)}", error.Message, StringComparison.Ordinal);
            Assert.NotNull((await cache.FindAsync(Key(key), Token))!.Problem);
        }

        var problems = new List<string?>();
        await foreach (StoredResponse entry in cache.ListAsync(CacheFilter.All, withBodies: true, Token))
        {
            problems.Add(entry.Problem);
        }

        Assert.Equal((3, 1), (problems.Count, problems.Count(p => p is null)));
        // Paying again heals it.
        Assert.Equal(1, await cache.PutAsync([Entry(1, "again")], s_noon, Token));
        Assert.Equal("again", Text((await GetAsync(cache, 1))[0]));
    }

    [Fact]
    public async Task A_sync_says_once_what_the_server_cannot_promise()
    {
        var remarks = new List<string>();
        await using RedisResponseCache cache = Store("synced", remark: remarks.Add);
        await cache.PutAsync([Entry(1, "one")], cancellationToken: Token);

        await cache.SyncAsync(Token);
        await cache.SyncAsync(Token);

        // Redis 7.2 and newer, whose file is on the disk, leave nothing to say.
        Assert.InRange(remarks.Count, 0, 1);
        Assert.All(remarks, r => Assert.Contains("appendonly", r, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_password_is_asked_for_and_never_shown()
    {
        using var server = RedisServers.Start("--requirepass", "correct-horse");
        await using var right = new RedisResponseCache(new RedisOptions(server.Url) { Password = "correct-horse" }, _ => { }, TimeProvider.System);
        await using var wrong = new RedisResponseCache(new RedisOptions(server.Url) { Password = "battery-staple" }, _ => { }, TimeProvider.System);
        await using var none = new RedisResponseCache(new RedisOptions(server.Url), _ => { }, TimeProvider.System);

        Assert.Equal(1, await right.PutAsync([Entry(1, "one")], cancellationToken: Token));
        Assert.DoesNotContain("correct-horse", right.Name, StringComparison.Ordinal);
        foreach (RedisResponseCache cache in (RedisResponseCache[])[wrong, none])
        {
            SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => GetAsync(cache, 1));
            Assert.Equal(ErrorKind.Credentials, error.Kind);
            Assert.DoesNotContain("battery-staple", error.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_user_who_may_do_the_least_can_do_everything()
    {
        using var server = RedisServers.Start(
            "--user", "default", "off",
            "--user", "team", "on", ">correct-horse", "~sluice:*", "+@read", "+@write", "+@connection", "+@blocking", "+@scripting");
        await using var cache = new RedisResponseCache(new RedisOptions(server.Url) { User = "team", Password = "correct-horse" }, _ => { }, TimeProvider.System);

        Assert.Equal(1, await cache.PutAsync([Entry(1, "one") with { CreatedAt = s_noon }], cancellationToken: Token));
        Assert.Equal(1, await cache.PutAsync([Entry(1, "anew")], s_noon.AddDays(1), Token));
        Assert.Equal("anew", Text((await GetAsync(cache, 1))[0]));
        await cache.SyncAsync(Token);
        Assert.True(await cache.StoredBytesAsync(Token) > 0);
        Assert.Equal(1, await cache.DeleteAsync(CacheFilter.All, Token));
    }

    [Fact]
    public async Task A_connection_can_be_encrypted()
    {
        string folder = Directory.CreateDirectory(Folder).FullName;
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch.AddYears(50), DateTimeOffset.UnixEpoch.AddYears(100));
        string file = Path.Combine(folder, "server.pem"), keyFile = Path.Combine(folder, "server.key");
        await File.WriteAllTextAsync(file, certificate.ExportCertificatePem(), Token);
        await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem(), Token);
        using var server = RedisServers.Start("--tls-port", "--tls-cert-file", file, "--tls-key-file", keyFile, "--tls-ca-cert-file", file, "--tls-auth-clients", "no");
        string url = server.Url.Replace("redis:", "rediss:", StringComparison.Ordinal);
        await using var trusting = new RedisResponseCache(new RedisOptions(url) { CertificateAuthority = file }, _ => { }, TimeProvider.System);
        await using var wary = new RedisResponseCache(new RedisOptions(url), _ => { }, TimeProvider.System);

        Assert.Equal(1, await trusting.PutAsync([Entry(1, "one")], cancellationToken: Token));
        Assert.Equal("one", Text((await GetAsync(trusting, 1))[0]));
        await Assert.ThrowsAsync<SluiceException>(() => GetAsync(wary, 1));
    }

    [Theory]
    [InlineData("redis://localhost:6379:1")]
    [InlineData("http://localhost")]
    [InlineData("localhost:6379")]
    [InlineData("redis://localhost/first")]
    [InlineData("redis://:secret-word@localhost")]
    public void An_address_that_cannot_be_used_is_refused_and_not_shown(string url)
    {
        SluiceException error = Assert.Throws<SluiceException>(() => new RedisResponseCache(new RedisOptions(url), _ => { }, TimeProvider.System));

        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.DoesNotContain("secret-word", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("redis://localhost", "redis://localhost:6379/0 (sluice)")]
    [InlineData("rediss://cache.example:7000/3", "rediss://cache.example:7000/3 (sluice)")]
    [InlineData("redis://[::1]:7000", "redis://[::1]:7000/0 (sluice)")]
    public async Task An_address_has_defaults(string url, string name)
    {
        await using var cache = new RedisResponseCache(new RedisOptions(url), _ => { }, TimeProvider.System);

        Assert.Equal(name, cache.Name);
    }
}
