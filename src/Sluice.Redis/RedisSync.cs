using StackExchange.Redis;

namespace Sluice.Caching;

/// <summary>Waits until the server's append-only file is on its disk, where the server can tell, and remarks once where it cannot.</summary>
internal sealed class RedisSync(RedisConnection connection, RedisKeys keys, Action<string> remark)
{
    private const int Milliseconds = 10_000;

    private int _hasRemarked;

    /// <summary>Makes what was put so far durable, as far as the server can.</summary>
    public async ValueTask SyncAsync(CancellationToken cancellationToken)
    {
        var problem = await connection.AskAsync(AskAsync, cancellationToken).ConfigureAwait(false);
        if (problem is not null && Interlocked.Exchange(ref _hasRemarked, 1) == 0)
        {
            remark($"{connection.Name}: {problem}");
        }
    }

    private async Task<string?> AskAsync(IDatabase database)
    {
        // The server waits for what this connection has written, and the puts may have gone over an earlier one.
        var mark = database.StringSetAsync(keys.Mark, 1, TimeSpan.FromMinutes(1));
        var synced = database.ExecuteAsync("WAITAOF", 1, 0, Milliseconds);
        await mark.ConfigureAwait(false);
        try
        {
            return (long)(await synced.ConfigureAwait(false))[0] == 0
                ? $"answers were not on its disk within {Milliseconds / 1000} s: a power cut of its machine could lose the last ones"
                : null;
        }
        catch (RedisServerException error) when (error.Message.Contains("unknown command", StringComparison.OrdinalIgnoreCase))
        {
            return "it is older than 7.2 and does not tell what is on its disk: with `appendonly yes` its end can lose the last seconds, without it everything since its last snapshot";
        }
        catch (RedisServerException error) when (error.Message.Contains("appendonly", StringComparison.OrdinalIgnoreCase))
        {
            return "it writes no append-only file: answers are lost when it ends unexpectedly; set `appendonly yes` in its configuration";
        }
    }
}
