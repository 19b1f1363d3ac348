using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using Sluice.Simulator;

namespace Sluice.Testing;

/// <summary>Collects the facts of a real workspace and of a simulator. It only reads: a workspace stays as a killed process has left it.</summary>
public static partial class WorkspaceFacts
{
    /// <summary>Files that a finished run leaves behind (docs/design.md, "House"). Reading a database leaves the files beside it, too.</summary>
    private static readonly string[] Lasting =
        ["manifest.json", "config.yaml", "results.jsonl", "summary.json", "cache.json", "cache.db", "cache.db-wal", "cache.db-shm", "ledger.db", "ledger.db-wal", "ledger.db-shm"];

    /// <summary>Returns the answers that a workspace's cache has at this moment.</summary>
    public static IReadOnlyList<Answer> Answers(string workspace) => Rows(
        Path.Combine(workspace, ".sluice", "cache.db"), "responses", "SELECT key, body FROM responses",
        row => new Answer(KeyText((byte[])row.GetValue(0)), Convert.ToHexString(SHA256.HashData((byte[])row.GetValue(1)))));

    /// <summary>Adds everything that a workspace tells after a finished run.</summary>
    public static Facts WithWorkspace(this Facts facts, string workspace)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var results = Results(workspace);
        return facts with
        {
            After = Answers(workspace),
            Failed = Rows(LedgerOf(workspace), "failures", "SELECT key FROM failures WHERE final", row => KeyText((byte[])row.GetValue(0))),
            Results = results,
            Finished = [.. results.SelectMany(r => r.Value.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"{r.Key}/{SampleOf(line)}"))],
            Folder = workspace,
            LeftFiles = [.. LeftFiles(workspace)],
            LeftEntries = LeftEntries(workspace),
            LeftProcesses = LeftProcesses(workspace),
        };
    }

    /// <summary>Adds everything that a simulator tells.</summary>
    public static Facts WithSimulator(this Facts facts, SimulatorServer simulator)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(simulator);
        var stats = simulator.Stats;
        return facts with
        {
            Executions = stats.OpenAI.DistinctBodies + stats.OpenAI.RepeatedBodies + stats.Anthropic.DistinctBodies + stats.Anthropic.RepeatedBodies,
            Batches = [.. simulator.Batches().Select(batch => new ProviderBatch(batch.Id, IntentOf(batch.FirstCustomId), batch.HasFailed))],
        };
    }

    /// <summary>Adds what the program has said, and what it reported in it.</summary>
    public static Facts WithTexts(this Facts facts, IReadOnlyDictionary<string, string> texts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return facts with { Texts = texts, ReportedTwins = [.. texts.Values.SelectMany(text => Twin().Matches(text)).Select(match => match.Groups[1].Value)] };
    }

    /// <summary>Returns the results of a workspace by experiment; one that several sweeps have is named with its sweep.</summary>
    public static IReadOnlyDictionary<string, string> Results(string workspace)
    {
        var runs = Path.Combine(workspace, "runs");
        return Directory.Exists(runs)
            ? Directory.EnumerateFiles(runs, "results.jsonl", SearchOption.AllDirectories).GroupBy(path => Path.GetFileName(Path.GetDirectoryName(path))!)
                .SelectMany(same => same.Count() == 1 ? same.Select(path => (Name: same.Key, Path: path)) : same.Select(path => (Name: Path.GetRelativePath(runs, Path.GetDirectoryName(path)!), Path: path)))
                .ToDictionary(result => result.Name, result => File.ReadAllText(result.Path))
            : new Dictionary<string, string>();
    }

    /// <summary>Returns what SQLite finds wrong with a workspace's databases; empty is right.</summary>
    public static IReadOnlyList<string> Damage(string workspace) =>
    [
        .. ((string[])["cache.db", "ledger.db"]).SelectMany(name =>
            Rows(Path.Combine(workspace, ".sluice", name), "", "PRAGMA integrity_check", row => $"{name}: {row.GetString(0)}")).Where(line => !line.EndsWith(": ok", StringComparison.Ordinal)),
    ];

    private static string LedgerOf(string workspace) => Path.Combine(workspace, ".sluice", "ledger.db");

    private static IEnumerable<string> LeftFiles(string workspace) =>
        ((string[])[".sluice", "runs"]).Select(folder => Path.Combine(workspace, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Select(path => Path.GetRelativePath(workspace, path))
            .Where(path => !path.StartsWith(Path.Combine(".sluice", "simulator"), StringComparison.Ordinal) && !Lasting.Contains(Path.GetFileName(path)));

    /// <summary>Claims of refused batches stay on purpose: they say that their requests have failed.</summary>
    private static List<string> LeftEntries(string workspace)
    {
        var ledger = LedgerOf(workspace);
        return
        [
            .. Rows(ledger, "intents", "SELECT id, state FROM intents WHERE state NOT IN (5, 6)", row => $"intent {row.GetString(0)} in state {row.GetInt64(1).ToString(CultureInfo.InvariantCulture)}"),
            .. Rows(ledger, "leases", "SELECT owner FROM leases", row => $"lease of {row.GetString(0)}"),
            .. Rows(
                ledger, "claims", "SELECT value, count(*) FROM (SELECT * FROM claims UNION ALL SELECT * FROM claims_recent) WHERE value NOT IN (SELECT row FROM intents WHERE state=6) GROUP BY value",
                row => $"{row.GetInt64(1).ToString(CultureInfo.InvariantCulture)} claims of {(row.GetInt64(0) < 0 ? "live calls" : "a batch")}"),
        ];
    }

    /// <summary>Finds processes, not yet buried ones left out, that were started for a workspace and still run.</summary>
    private static List<string> LeftProcesses(string workspace)
    {
        var left = new List<string>();
        foreach (var folder in Directory.Exists("/proc") ? Directory.EnumerateDirectories("/proc").Where(f => Path.GetFileName(f).All(char.IsAsciiDigit)) : [])
        {
            try
            {
                // The command line of a process that has ended is empty.
                if (Path.GetFileName(folder) != Environment.ProcessId.ToString(CultureInfo.InvariantCulture) && File.ReadAllText(Path.Combine(folder, "cmdline")).Split('\0').Contains(workspace))
                {
                    left.Add(Path.GetFileName(folder));
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has ended in the meantime, or is another user's.
            }
        }

        return left;
    }

    /// <summary>Reads a database; one that a process was killed too early to make has no rows.</summary>
    private static List<T> Rows<T>(string path, string table, string sql, Func<SqliteDataReader, T> read)
    {
        var rows = new List<T>();
        if (!File.Exists(path) || new FileInfo(path).Length == 0)
        {
            return rows;
        }

        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, Mode = SqliteOpenMode.ReadOnly, DefaultTimeout = 60 }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM sqlite_schema WHERE name=$table";
        command.Parameters.AddWithValue("$table", table);
        if (table.Length > 0 && (long)command.ExecuteScalar()! == 0)
        {
            return rows;
        }

#pragma warning disable CA2100 // Every text is a constant of this class.
        command.CommandText = sql;
#pragma warning restore CA2100
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    private static string KeyText(byte[] key) => System.Buffers.Text.Base64Url.EncodeToString(key);

    private static string SampleOf(string line)
    {
        using var row = JsonDocument.Parse(line);
        return $"{row.RootElement.GetProperty("sample")}#{row.RootElement.GetProperty("epoch")}";
    }

    /// <summary>A custom id is the intent, a hyphen and the key.</summary>
    private static string? IntentOf(string? customId) => customId?.Split('-') is [{ Length: > 0 } intent, _, ..] ? intent : null;

    [GeneratedRegex(@"batch (\S+) was made twice")]
    private static partial Regex Twin();
}
