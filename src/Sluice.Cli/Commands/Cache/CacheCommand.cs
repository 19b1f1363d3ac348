using System.CommandLine;
using Sluice.Caching;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache</c>: looks into a cache and looks after it.</summary>
internal static class CacheCommand
{
    /// <summary>The option that names another store than the workspace's.</summary>
    public static Option<string?> Location { get; } = new("--cache")
    {
        Description = "Another store than the workspace's: sqlite:FILE, jsonl:FOLDER, redis://HOST[:PORT][/DATABASE].",
        HelpName = "location",
        Recursive = true,
    };

    public static Command Create() => new("cache", "Look into the cache and look after it: list, find, prune, verify, export, import, copy, compact, back up.")
    {
        Location,
        StatsCommand.Create(),
        ListCommand.Create(),
        GetCommand.Create(),
        FindCommand.Create(),
        PruneCommand.Create(),
        VerifyCommand.Create(),
        ExportCommand.Create(),
        ImportCommand.Create(),
        CopyCommand.Create(),
        CompactCommand.Create(),
        BackUpCommand.Create(),
    };

    /// <summary>Runs something with the store that the command line names.</summary>
    public static async Task<int> WithStoreAsync(ParseResult parsed, Func<ICacheStore, Task<int>> run, CancellationToken cancellationToken)
    {
        var location = parsed.GetValue(Location);
        var store = Stores(parsed).Existing(location);
        await using var _ = store.ConfigureAwait(false);
        // A server is always there, whatever is mistyped of the rest.
        if (location is not null && store is RedisResponseCache && await store.IsEmptyAsync(cancellationToken).ConfigureAwait(false))
        {
            Terminal.Warning($"there is no answer in {location}");
            Terminal.Hint("check the number of the database, and `?prefix=NAME`");
        }

        return await run(store).ConfigureAwait(false);
    }

    /// <summary>Returns what opens stores.</summary>
    public static CacheStores Stores(ParseResult parsed) => new(new Sweeps.Workspace(parsed.GetValue(CommonOptions.Workspace)!), TimeProvider.System);
}
