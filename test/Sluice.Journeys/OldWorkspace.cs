using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;

namespace Sluice.Journeys;

/// <summary>Unpacks a workspace that an earlier release has left, with its provider (test/workspaces), as if its commands had been killed an hour ago.</summary>
internal static class OldWorkspace
{
    /// <summary>Where its commands believed to be.</summary>
    private const string Folder = "/tmp/study/";

    /// <summary>Where they found their provider.</summary>
    private const string Address = "127.0.0.1:21717";

    private static readonly TimeSpan Age = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongAgo = TimeSpan.FromDays(2);

    /// <summary>Unpacks a workspace into an empty folder; its provider's files lie in <c>provider</c>.</summary>
    public static void Unpack(string release, string name, string folder)
    {
        using (var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "workspaces", release, name + ".tar.gz")))
        using (var tar = new GZipStream(file, CompressionMode.Decompress))
        {
            TarFile.ExtractToDirectory(tar, folder, overwriteFiles: true);
        }

        var shift = TimeProvider.System.GetUtcNow() - Age - Latest(folder);
        ShiftLedger(folder, shift);
        ShiftProvider(folder, shift);
        Replace(folder, Folder + name, folder);
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            // Whether a process of another machine still writes cannot be looked up: what it left is dropped after a day.
            File.SetLastWriteTimeUtc(path, (TimeProvider.System.GetUtcNow() - (path.EndsWith(".tmp", StringComparison.Ordinal) ? LongAgo : Age)).UtcDateTime);
        }
    }

    /// <summary>Tells the workspace where its provider is now. The address is in the names of accounts.</summary>
    public static void MoveProvider(string folder, Uri provider)
    {
        Replace(folder, Address, provider.Authority);
        Change(folder, command =>
        {
            command.CommandText = "UPDATE intents SET account=replace(account, $old, $new), base_url=replace(base_url, $old, $new)";
            command.Parameters.AddWithValue("$old", Address);
            command.Parameters.AddWithValue("$new", provider.Authority);
        });
    }

    /// <summary>Returns the variables of keys that its configs name.</summary>
    public static IEnumerable<string> KeyVariables(string folder) =>
        Directory.EnumerateFiles(Path.Combine(folder, "configs")).SelectMany(File.ReadLines).Where(line => line.Contains("api_key_env: ", StringComparison.Ordinal))
            .Select(line => line.Split("api_key_env: ")[1].Split(',')[0]);

    private static DateTimeOffset Latest(string folder)
    {
        using var connection = Open(folder);
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT max(created) FROM intents";
        return DateTimeOffset.FromUnixTimeMilliseconds((long)command.ExecuteScalar()!);
    }

    private static void ShiftLedger(string folder, TimeSpan shift) => Change(folder, command =>
    {
        command.CommandText = """
            UPDATE intents SET created=created+$shift, create_started=create_started+$shift, lost=lost+$shift;
            UPDATE leases SET until=until+$shift;
            """;
        command.Parameters.AddWithValue("$shift", (long)shift.TotalMilliseconds);
    });

    private static void ShiftProvider(string folder, TimeSpan shift)
    {
        foreach (var path in Directory.EnumerateFiles(Path.Combine(folder, "provider"), "*.json", SearchOption.AllDirectories))
        {
            var record = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
            foreach (var (name, value) in record.Where(m => m.Key.EndsWith("At", StringComparison.Ordinal) && m.Value is not null).ToList())
            {
                record[name] = value!.GetValueKind() == System.Text.Json.JsonValueKind.Number
                    ? value.GetValue<long>() + (long)shift.TotalSeconds
                    : (DateTimeOffset.Parse(value.GetValue<string>(), CultureInfo.InvariantCulture) + shift).ToString("O", CultureInfo.InvariantCulture);
            }

            File.WriteAllText(path, record.ToJsonString());
        }
    }

    private static void Replace(string folder, string old, string now)
    {
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(p => p.EndsWith(".json", StringComparison.Ordinal) || p.EndsWith(".yaml", StringComparison.Ordinal)))
        {
            var text = File.ReadAllText(path);
            if (text.Contains(old, StringComparison.Ordinal))
            {
                File.WriteAllText(path, text.Replace(old, now, StringComparison.Ordinal));
            }
        }
    }

    private static void Change(string folder, Action<SqliteCommand> change)
    {
        using var connection = Open(folder);
        using var command = connection.CreateCommand();
        change(command);
        command.ExecuteNonQuery();
    }

    private static SqliteConnection Open(string folder)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Path.Combine(folder, ".sluice/ledger.db"), Pooling = false }.ToString());
        connection.Open();
        return connection;
    }
}
