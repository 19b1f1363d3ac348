using Microsoft.Data.Sqlite;
using Sluice.Caching;

namespace Sluice.Journeys;

/// <summary>The SQLite cache of a workspace, seen and damaged from outside.</summary>
internal static class CacheFile
{
    /// <summary>Counts the answers that can be read.</summary>
    public static async Task<int> SoundAsync(string workspace)
    {
        await using var store = new SqliteResponseCache(Path.Combine(workspace, ".sluice/cache.db"), TimeProvider.System);
        var sound = 0;
        await foreach (var entry in store.ListAsync(CacheFilter.All, withBodies: true, TestContext.Current.CancellationToken))
        {
            sound += entry.Problem is null ? 1 : 0;
        }

        return sound;
    }

    /// <summary>Carries out statements; they are parted by semicolons.</summary>
    public static void Change(string workspace, string statements)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(workspace, ".sluice/cache.db")};Pooling=False");
        connection.Open();
        foreach (var one in statements.Split(';'))
        {
            using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // The texts are those of the tests.
            command.CommandText = one;
#pragma warning restore CA2100
            command.ExecuteNonQuery();
        }
    }
}
