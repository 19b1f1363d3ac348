using Sluice.Testing;

namespace Sluice.Tests.Caching.Redis;

/// <summary>Starts servers, or skips the test where there is none to be had.</summary>
internal static class RedisServers
{
    public static RedisServer Start(params string[] settings)
    {
        Assert.SkipUnless(RedisServer.IsInstalled, RedisServer.Advice);
        return new RedisServer(settings);
    }
}
