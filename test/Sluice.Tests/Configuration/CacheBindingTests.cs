using Sluice.Caching;
using Sluice.Experiments;

namespace Sluice.Tests.Configuration;

public sealed class CacheBindingTests : IDisposable
{
    private static readonly DateTimeOffset s_noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    private readonly ConfigFolder _folder = new();

    [Theory]
    [InlineData("cache.tiers=[sqlite,memory]", "cache.tiers: expected memory and then one store")]
    [InlineData("cache.tiers=[memory,sqlite,jsonl]", "cache.tiers: expected memory and then one store")]
    [InlineData("cache.tiers=[memory,{}]", "cache.tiers: expected memory and then one store")]
    [InlineData("cache={tiers:[memory,sqlite],backend:jsonl}", "cache.backend: \"jsonl\" is not the last of the tiers, \"sqlite\"")]
    [InlineData("cache.backend=sqlit", "cache.backend: \"sqlit\" is no store")]
    [InlineData("cache.shadow=sqlite", "cache.shadow: \"sqlite\" is the store itself")]
    [InlineData("cache.backend=memory", "cache.backend: a batch's answers")]
    [InlineData("cache.write=false", "cache.write: a batch's answers")]
    [InlineData("cache.expiry=0d", "cache.expiry: \"0d\" is no age")]
    [InlineData("cache.expiry=soon", "cache.expiry: \"soon\" is no age")]
    [InlineData("cache.not_before=yesterday", "cache.not_before: \"yesterday\" is no time")]
    [InlineData("cache.redis.url=http://h", "cache.redis.url: it is no address of Redis")]
    [InlineData("cache.redis.url=redis://me:secret@h", "cache.redis.url: a user or a password does not belong into a config")]
    [InlineData("cache.redis.prefix='a*'", "cache.redis.prefix: \"a*\" cannot be one")]
    public void What_cannot_be_is_a_mistake(string change, string mistake)
    {
        string mistakes = string.Join('\n', _folder.Mistakes(ConfigFolder.Minimal, "+" + change));

        Assert.Contains(mistake, mistakes, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", mistakes, StringComparison.Ordinal);
    }

    [Fact]
    public void Live_experiments_need_not_store_anything()
    {
        Experiment experiment = _folder.Load(ConfigFolder.Minimal + "\nbatch_mode: false\ncache: { backend: memory, write: false }\n");

        Assert.Equal((CacheSettings.Memory, false), (experiment.Cache.Stores.Backend, experiment.Cache.Write));
    }

    [Fact]
    public void The_youngest_of_all_limits_counts()
    {
        Assert.Equal(DateTimeOffset.MinValue, new CacheOptions().At(s_noon).NotBefore);
        Assert.Equal(s_noon.AddDays(-30), new CacheOptions { Expiry = TimeSpan.FromDays(30) }.At(s_noon).NotBefore);
        Assert.Equal(s_noon.AddDays(-1), new CacheOptions { Expiry = TimeSpan.FromDays(30), NotBefore = s_noon.AddDays(-1) }.At(s_noon).NotBefore);
        Assert.Equal(s_noon, new CacheOptions { Expiry = TimeSpan.FromDays(30), NotBefore = s_noon.AddDays(-1), Read = false }.At(s_noon).NotBefore);
        Assert.Equal(s_noon, new CacheOptions { NotBefore = s_noon.AddYears(1) }.At(s_noon).NotBefore);
    }

    [Fact]
    public void A_refresh_is_written_into_the_composed_config()
    {
        Sluice.Configuration.ConfigContext refreshing = _folder.Context with { RefreshedAt = s_noon };
        _folder.Write("a.yaml", ConfigFolder.Minimal + "\ncache: { expiry: 30d }\n");

        Experiment experiment = Sluice.Configuration.ConfigLoader.LoadFile("a.yaml", [], refreshing);

        Assert.Equal((s_noon, TimeSpan.FromDays(30)), (experiment.Cache.NotBefore, experiment.Cache.Expiry));
        Assert.Equal(s_noon, _folder.Load(experiment.ComposedYaml).Cache.NotBefore);
    }

    public void Dispose() => _folder.Dispose();
}
