using System.Globalization;
using Sluice.Caching;
using Sluice.CacheWorker;

if (args is not [var store, var worker, var rounds, var acknowledged])
{
    Console.Error.WriteLine("usage: Sluice.CacheWorker sqlite:FILE|jsonl:FOLDER|redis://HOST:PORT/DATABASE WORKER ROUNDS ACKNOWLEDGED");
    return 2;
}

var cache = Stores.Open(store, Console.Error.WriteLine);
await using var _ = cache.ConfigureAwait(false);
await new Worker(cache, int.Parse(worker, CultureInfo.InvariantCulture), acknowledged).RunAsync(int.Parse(rounds, CultureInfo.InvariantCulture)).ConfigureAwait(false);
return 0;

/// <summary>Puts and gets, and writes down what the cache has acknowledged.</summary>
internal sealed class Worker(ICacheStore cache, int number, string path)
{
    private const int MostInGroup = 40;

    private readonly Random _random = new(number);
    private readonly List<int> _mine = [];

    /// <summary>Does so many puts, in groups of various sizes, a third of them of entries that all workers put, and as many gets.</summary>
    public async Task RunAsync(int count)
    {
        // Nothing is held back: what a line says has left the process when it is killed.
        using var acknowledged = new StreamWriter(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, 1)) { AutoFlush = true };
        for (var done = 0; done < count;)
        {
            var group = new int[Math.Min(_random.Next(1, MostInGroup), count - done)];
            for (var i = 0; i < group.Length; i++)
            {
                var own = (number * 1_000_000) + done + i;
                group[i] = own % 3 == 0 ? own % 2000 : own;
            }

            await cache.PutAsync([.. group.Select(Entries.Of)]).ConfigureAwait(false);
            await acknowledged.WriteLineAsync(string.Join(' ', group)).ConfigureAwait(false);
            _mine.AddRange(group);
            await CheckAsync(group.Length).ConfigureAwait(false);
            done += group.Length;
        }
    }

    private async Task CheckAsync(int count)
    {
        var asked = Enumerable.Range(0, count).Select(_ => _mine[_random.Next(_mine.Count)]).ToArray();
        var found = new CachedResponse?[count];
        await cache.GetAsync(asked.Select(Entries.KeyOf).ToArray(), found).ConfigureAwait(false);
        for (var i = 0; i < count; i++)
        {
            Entries.Require(asked[i], found[i] is { } response ? response.Body.Span : default);
        }
    }
}
