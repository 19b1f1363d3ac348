using Microsoft.Data.Sqlite;
using Sluice.Storage;

namespace Sluice.Tests.Storage;

public sealed class ScratchDatabaseTests
{
    [Fact]
    public void A_table_on_disk_has_no_name_that_a_killed_process_could_leave_behind()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "open files are read from /proc");
        using var database = new ScratchDatabase("CREATE TABLE things(id INTEGER PRIMARY KEY, bytes BLOB)");
        using (SqliteCommand fill = database.Connection.CreateCommand())
        {
            // Twice what it keeps in memory.
            fill.CommandText = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 32000) INSERT INTO things SELECT i, randomblob(1000) FROM n";
            fill.ExecuteNonQuery();
        }

        string[] open = [.. new DirectoryInfo("/proc/self/fd").EnumerateFiles().Select(file => file.LinkTarget ?? "").Where(path => path.Contains("etilqs", StringComparison.Ordinal))];
        Assert.Contains(open, path => path.EndsWith(" (deleted)", StringComparison.Ordinal));
        Assert.DoesNotContain(Directory.EnumerateFiles(Path.GetTempPath()), path => Path.GetFileName(path).StartsWith($"sluice-{Environment.ProcessId}-", StringComparison.Ordinal));
    }
}
