using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;

namespace Sluice.Journeys;

/// <summary><c>sluice cache</c>: what people look for, move and delete in a cache.</summary>
public sealed class CacheCommandJourneys : Journey
{
    private string Cache => Path.Combine(Folder, ".sluice/cache.db");

    [Theory]
    [InlineData("stats")]
    [InlineData("ls")]
    [InlineData("get", "AAAAAAAA")]
    [InlineData("find", "--text", "x")]
    [InlineData("prune", "--all", "--yes")]
    [InlineData("verify")]
    [InlineData("export")]
    [InlineData("copy", "--to", "sqlite:new.db")]
    [InlineData("compact")]
    [InlineData("backup", "new.db")]
    public async Task Looking_for_a_cache_does_not_make_one(params string[] command)
    {
        (await RunAsync(["cache", .. command])).Explains(2, "has no cache yet", "sluice run");
        (await RunAsync(["cache", .. command, "--cache", "sqlite:nowhere.db"])).Explains(2, "there is no cache at sqlite:", "nowhere.db");
        (await RunAsync(["cache", .. command, "--cache", "jsonl:nowhere"])).Explains(2, "there is no cache at jsonl:", "nowhere");

        Assert.Empty(Directory.EnumerateFileSystemEntries(Folder));
    }

    [Fact]
    public async Task What_is_in_the_cache_can_be_counted_listed_found_and_shown()
    {
        await AnsweredAsync();

        var stats = (await RunAsync("cache", "stats", "--json")).Is(0).Json;
        Assert.Equal((30, 20, 10), (Number(stats, "responses"), Number(stats, "batch"), Number(stats, "live")));
        Assert.Equal(["gpt-4o-mini", "claude-haiku-4-5"], stats["models"]!.AsArray().Select(m => (string?)m!["model"]));
        (await RunAsync("cache", "stats")).Is(0).Says("gpt-4o-mini", "claude-haiku-4-5", "30 responses", Cache);

        var listed = Lines((await RunAsync("cache", "ls", "--json")).Is(0));
        Assert.Equal(30, listed.Select(l => (string?)l["key"]).Distinct().Count());
        Assert.All(listed, line => Assert.Equal(["key", "created", "provider", "model", "source", "input_tokens", "output_tokens", "bytes"], line.AsObject().Select(m => m.Key)));
        Assert.Equal(10, Lines((await RunAsync("cache", "ls", "--json", "--source", "live")).Is(0)).Count);
        Assert.Equal(20, Lines((await RunAsync("cache", "ls", "--json", "--provider", "openai", "--newer-than", "1h", "--min-bytes", "10", "--max-bytes", "100000")).Is(0)).Count);
        Assert.Empty((await RunAsync("cache", "ls", "--older-than", "1h")).Is(0).Output);
        Assert.Equal(2, (await RunAsync("cache", "ls", "--limit", "2")).Is(0).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);

        // Samples 7 of both experiments: one stores its requests, the other one does not.
        Assert.Equal(2, Lines((await RunAsync("cache", "find", "--text", "A: 7", "--json")).Is(0)).Count);
        var asked = Assert.Single(Lines((await RunAsync("cache", "find", "--text", "question 7 ECHO", "-i", "--json")).Is(0)));
        Assert.Equal(("request", "claude-haiku-4-5"), ((string?)asked["found_in"], (string?)asked["model"]));
        Assert.Empty((await RunAsync("cache", "find", "--text", "question 7 ECHO")).Is(0).Output);
        (await RunAsync("cache", "find", "--text", "A: 7", "--limit", "1")).Is(0).Says("response: A: 7");

        var key = (string)asked["key"]!;
        (await RunAsync("cache", "get", "--", key[..10])).Is(0).Says(key, "claude-haiku-4-5 (anthropic)", "live", "\"content\": \"Question 7 echo: A: 7\"", "\"stop_reason\": \"end_turn\"");
        var shown = (await RunAsync("cache", "get", "--json", "--", key)).Is(0).Json;
        Assert.Equal((key, "claude-haiku-4-5", "message"), ((string?)shown["key"], (string?)shown["request"]!["model"], (string?)shown["response"]!["type"]));
    }

    [Fact]
    public async Task What_cannot_be_meant_is_said()
    {
        await AnsweredAsync();

        (await RunAsync("cache", "get", "abc")).Explains(2, "`abc` is no key", "6 characters");
        (await RunAsync("cache", "get", "AAAAAAAA")).Explains(2, "no key that begins with `AAAAAAAA`");
        foreach (var command in (string[][])[["ls"], ["find", "--text", "x"], ["stats"], ["export"], ["export", "new.jsonl"], ["prune", "--dry-run"], ["copy", "--to", "sqlite:other.db"]])
        {
            (await RunAsync(["cache", .. command, "--model", "gpt-4o-mni"])).Explains(2, "no response of model `gpt-4o-mni`", "did you mean gpt-4o-mini?");
        }

        Assert.False(File.Exists(Path.Combine(Folder, "new.jsonl")));
        (await RunAsync("cache", "ls", "--older-than", "yesterday")).Explains(2, "--older-than: `yesterday` is no age", "30d");
        foreach (var limit in (string[])["0", "-1", "x", "1.5"])
        {
            (await RunAsync("cache", "ls", "--limit", limit)).Explains(2, $"--limit: `{limit}` is no number", "a whole number from 1 on");
        }

        (await RunAsync("cache", "find", "--text", "x", "--limit", "-1")).Explains(2, "--limit: `-1` is no number");
        (await RunAsync("cache", "prune", "--min-bytes", "-1", "--yes")).Explains(2, "--min-bytes: `-1` is no number", "a whole number from 0 on");
        (await RunAsync("cache", "prune", "--max-bytes", "-1", "--yes")).Explains(2, "--max-bytes: `-1` is no number");
        (await RunAsync("cache", "stats", "--min-bytes", "10", "--max-bytes", "5")).Explains(2, "--min-bytes 10 is above --max-bytes 5");
        Assert.Equal(30, Number((await RunAsync("cache", "stats", "--json")).Is(0).Json, "responses"));
        (await RunAsync("cache", "find", "--text", "")).Explains(2, "--text is empty");
        (await RunAsync("cache", "ls", "--cache", "cache.db")).Explains(2, "`cache.db` names no store", "sqlite[:FILE]");
        (await RunAsync("cache", "ls", "--cache", "redis://:secret@host")).Explains(2, "SLUICE_REDIS_PASSWORD");
        (await RunAsync("cache", "copy", "--to", "sqlite")).Explains(2, "--to is the store that is copied from");
        (await RunAsync("cache")).Is(2).Says("sluice cache --help");
        (await RunAsync("cache", "ls", "--nonsense")).Is(2).Says("sluice cache ls --help");
        (await RunAsync("cache", "prune", "--help")).Is(0).Says("sluice cache prune", "--older-than", "--dry-run");
    }

    [Fact]
    public async Task Pruning_deletes_what_is_meant_and_nothing_else()
    {
        await AnsweredAsync();
        (await RunAsync("cache", "prune", "--yes")).Explains(2, "nothing says what to delete", "--all");
        (await RunAsync("cache", "prune", "--all", "--model", "gpt-4o-mini", "--yes")).Explains(2, "contradict");
        (await RunAsync("cache", "prune", "--model", "gpt-4o-mini")).Explains(2, "this is no terminal", "--yes");
        (await RunAsync("cache", "prune", "--model", "gpt-4o-mini", "--dry-run")).Is(0).Says("20 responses", "would be deleted");
        (await RunAsync("cache", "prune", "--older-than", "30d", "--yes")).Is(0).Says("nothing to delete");
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);

        (await RunAsync("cache", "prune", "--key", "AAAAAAAA", "--yes")).Explains(2, "no key that begins with `AAAAAAAA`");
        (await RunAsync("cache", "prune", "--key=AAAAAAAA", "--all", "--yes")).Explains(2, "--key names entries");
        (await RunAsync("cache", "prune", "--key=AAAAAAAA", "--model", "gpt-4o-mini", "--yes")).Explains(2, "--key names entries");

        var pruned = (await RunAsync("cache", "prune", "--model", "gpt-4o-mini", "--yes", "--json")).Is(0).Json;

        Assert.Equal((20, 20), (Number(pruned, "matching"), Number(pruned, "deleted")));
        Assert.Equal(10, Number((await RunAsync("cache", "stats", "--json")).Is(0).Json, "responses"));
        Assert.Equal(20, (await SweepAsync()).Is(0).Sent);
        (await RunAsync("cache", "prune", "--all", "--yes")).Is(0).Says("30 responses deleted", "sluice cache compact", "sluice doctor --forget");
        (await RunAsync("doctor", "--forget")).Is(0);
        Assert.Equal(30, (await SweepAsync()).Is(0).Sent);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task An_entry_is_deleted_by_its_key_also_when_it_is_damaged(string store)
    {
        await AnsweredAsync();
        (await RunAsync("cache", "copy", "--to", $"{store}:copy")).Is(0);
        string[] there = ["--cache", $"{store}:copy"];
        var keys = Lines((await RunAsync(["cache", "ls", "--json", .. there])).Is(0)).Select(l => (string)l["key"]!).ToList();
        if (store == "jsonl")
        {
            var file = Assert.Single(Directory.GetFiles(Path.Combine(Folder, "copy"), "*.jsonl"));
            var lines = await File.ReadAllLinesAsync(file, Cancel);
            keys[0] = (string)JsonNode.Parse(lines[3])!["key"]!;
            lines[3] = lines[3].Replace("A: ", "B: ", StringComparison.Ordinal);
            await File.WriteAllLinesAsync(file, lines, Cancel);
            (await RunAsync(["cache", "verify", .. there])).Is(1).Says(keys[0], "sluice cache prune --key=KEY");
        }

        var other = keys.Last(k => k != keys[0]);
        (await RunAsync(["cache", "prune", $"--key={keys[0]}", "--dry-run", .. there])).Is(0).Says("1 response", "would be deleted");
        (await RunAsync(["cache", "prune", $"--key={keys[0]}", $"--key={other[..12]}", $"--key={other}", "--yes", .. there])).Is(0).Says("2 responses deleted");

        (await RunAsync(["cache", "verify", .. there])).Is(0).Says("28 responses, all as they were stored");
        (await RunAsync(["cache", "prune", $"--key={other}", "--yes", .. there])).Explains(2, "has no response to");
    }

    [Fact]
    public async Task Damage_is_named_by_key_and_left_out_of_copies()
    {
        await AnsweredAsync();
        (await RunAsync("cache", "verify")).Is(0).Says("30 responses, all as they were stored");
        var key = Break(7);

        (await RunAsync("cache", "verify")).Is(1).Says(key, "30 responses, 1 of them damaged", "sluice doctor --repair");
        var verified = (await RunAsync("cache", "verify", "--json")).Is(1).Json;
        Assert.Equal((30, 1, key), (Number(verified, "responses"), Number(verified, "damaged"), (string?)verified["entries"]![0]!["key"]));
        (await RunAsync("cache", "get", "--", key)).Is(1).Says("damaged: its checksum differs");
        (await RunAsync("cache", "export", "sound.jsonl")).Is(1).Says($"{key} is left out", "29 responses; 1 damaged left out");
        (await RunAsync("cache", "copy", "--to", "sqlite:sound.db")).Is(1).Says($"{key} is left out", "29 responses, 29 of them new there; 1 damaged left out");
        (await RunAsync("cache", "verify", "--cache", "sqlite:sound.db")).Is(0).Says("29 responses, all as they were stored");
    }

    [Theory]
    [InlineData("cache.jsonl")]
    [InlineData("cache.jsonl.gz")]
    [InlineData("cache.jsonl.zst")]
    public async Task An_export_is_taken_in_elsewhere_and_nothing_is_sent_there(string file)
    {
        await AnsweredAsync();
        var results = (Results("a"), Results("b"));
        (await RunAsync("cache", "export", file)).Is(0).Says("30 responses");
        (await RunAsync("cache", "export", file)).Explains(2, "exists already");

        var imported = (await RunAsync("cache", "import", file, "--workspace", "other", "--json")).Is(0).Json;
        Assert.Equal((1, 30, 30), (Number(imported, "files"), Number(imported, "responses"), Number(imported, "new")));
        (await RunAsync("cache", "import", file, file, "--workspace", "other")).Is(0).Says("2 files: 60 responses, 0 of them new here");

        Assert.Equal((await RunAsync("cache", "ls")).Is(0).Output, (await RunAsync("cache", "ls", "--workspace", "other")).Is(0).Output);
        Assert.Equal((await RunAsync("cache", "export")).Is(0).Output, (await RunAsync("cache", "export", "--workspace", "other")).Is(0).Output);
        Assert.Equal(0, (await SweepAsync("--workspace", "other")).Is(0).Sent);
        Assert.Equal(results, (await ElsewhereAsync("a"), await ElsewhereAsync("b")));
    }

    [Fact]
    public async Task Broken_lines_of_an_import_are_all_named_and_the_others_kept()
    {
        await AnsweredAsync();
        (await RunAsync("cache", "export", "cache.jsonl")).Is(0);
        var lines = (await File.ReadAllLinesAsync(Path.Combine(Folder, "cache.jsonl"), Cancel)).ToList();
        lines[3] = lines[3].Replace("\"usage\"", "\"usages\"", StringComparison.Ordinal);
        lines.Insert(10, "no json");
        Write("broken.jsonl", string.Join('\n', lines));

        (await RunAsync("cache", "import", "broken.jsonl", "nowhere.jsonl", "--workspace", "other")).Explains(2, "file nowhere.jsonl does not exist");
        Assert.False(Directory.Exists(Path.Combine(Folder, "other")));
        (await RunAsync("cache", "import", "broken.jsonl", "--workspace", "other"))
            .Explains(2, "2 lines cannot be taken in", "broken.jsonl, line 4: the response to", "checksum differs", "broken.jsonl, line 11: no JSON", "29 responses, which are kept");

        Assert.Equal(29, Number((await RunAsync("cache", "stats", "--json", "--workspace", "other")).Is(0).Json, "responses"));
    }

    [Fact]
    public async Task An_import_that_fails_leaves_no_empty_cache()
    {
        Write("bad.jsonl", "hello\n");
        Write("future.jsonl", """{"key":"KEY","created":"2999-01-01T00:00:00.000Z","provider":"openai","model":"m","source":"live","input_tokens":1,"output_tokens":1,"response":{}}""".Replace("KEY", new string('A', 43), StringComparison.Ordinal) + "\n");

        (await RunAsync("cache", "import", "bad.jsonl")).Explains(2, "bad.jsonl, line 1");
        (await RunAsync("cache", "import", "future.jsonl")).Explains(2, "future.jsonl, line 1", "2999-01-01", "yet to come");
        (await RunAsync("cache", "import", "bad.jsonl", "--cache", "nonsense")).Explains(2, "`nonsense` names no store");

        Assert.False(Directory.Exists(Path.Combine(Folder, ".sluice")));
        Directory.CreateDirectory(Cache);
        (await RunAsync("cache", "stats")).Explains(2, "cache.db is a folder");
    }

    [Fact]
    public async Task A_copy_in_another_store_is_the_same_cache()
    {
        await AnsweredAsync();

        (await RunAsync("cache", "copy", "--to", "jsonl:texts")).Is(0).Says("30 responses, 30 of them new there");
        (await RunAsync("cache", "copy", "--to", "jsonl:texts")).Is(0).Says("30 responses, 0 of them new there");
        (await RunAsync("cache", "copy", "--from", "jsonl:texts", "--to", "sqlite:back.db", "--model", "gpt-4o-mini")).Is(0).Says("20 responses, 20 of them new there");
        (await RunAsync("cache", "copy", "--cache", "jsonl:texts", "--to", "sqlite:back.db")).Is(0).Says("30 responses, 10 of them new there");

        var exported = Sorted((await RunAsync("cache", "export")).Is(0));
        Assert.Equal(exported, Sorted((await RunAsync("cache", "export", "--cache", "jsonl:texts")).Is(0)));
        Assert.Equal(exported, Sorted((await RunAsync("cache", "export", "--cache", "sqlite:back.db")).Is(0)));
    }

    [Fact]
    public async Task A_backup_is_a_cache_and_compacting_loses_nothing()
    {
        await AnsweredAsync();
        var exported = (await RunAsync("cache", "export")).Is(0).Output;
        Assert.Equal(exported, (await RunAsync("cache", "export", "-")).Is(0).Output);
        Assert.False(File.Exists(Path.Combine(Folder, "-")));

        (await RunAsync("cache", "backup", "backup.db")).Is(0).Says("backup.db");
        (await RunAsync("cache", "backup", "backup.db")).Explains(2, "exists already");
        (await RunAsync("cache", "compact", "--cache", "sqlite:backup.db")).Is(0).Says("it was");
        var compacted = (await RunAsync("cache", "compact", "--json")).Is(0).Json;
        Assert.True(Number(compacted, "bytes_after") <= Number(compacted, "bytes_before"));

        Assert.Equal(exported, (await RunAsync("cache", "export")).Is(0).Output);
        Assert.Equal(exported, (await RunAsync("cache", "export", "--cache", "sqlite:backup.db")).Is(0).Output);
        (await RunAsync("cache", "copy", "--to", "jsonl:texts")).Is(0);
        (await RunAsync("cache", "backup", "texts.db", "--cache", "jsonl:texts")).Is(0);
        Assert.Equal(exported.Split('\n').Order(StringComparer.Ordinal), (await RunAsync("cache", "export", "--cache", "sqlite:texts.db")).Is(0).Output.Split('\n').Order(StringComparer.Ordinal));
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
    }

    [Fact]
    public async Task A_listing_that_nobody_reads_any_more_ends_in_silence()
    {
        var line = """{"key":"KEY","created":"2026-11-24T12:00:00Z","provider":"openai","model":"m","source":"live","response":{"a":"m"}}""";
        Write("many.jsonl", string.Join('\n', Enumerable.Range(0, 30_000).Select(i => line.Replace("KEY", $"{i:D6}".PadRight(43, 'A'), StringComparison.Ordinal))));
        (await RunAsync("cache", "import", "many.jsonl")).Is(0).Says("30,000 of them new here");

        foreach (var command in (string[])["ls", "ls --json", "find --text m", "export"])
        {
            var run = await CutAsync(command, "first");
            Assert.Equal(("0 0\n", ""), (run.Output, run.Errors));
            Assert.Equal(3, (await File.ReadAllLinesAsync(Path.Combine(Folder, "first"), Cancel)).Length);
        }
    }

    [Fact]
    public async Task What_is_written_after_a_listing_into_the_same_file_stands_after_it()
    {
        await AnsweredAsync();

        await using var run = CliRun.StartAfter("{ echo before; \"$@\"; echo after; } >both; exit", Folder, new Dictionary<string, string>(), "cache", "ls", "--limit", "3");
        (await run.EndAsync()).Is(0);

        var lines = await File.ReadAllLinesAsync(Path.Combine(Folder, "both"), Cancel);
        Assert.Equal(("before", "after", 5), (lines[0], lines[^1], lines.Length));
    }

    /// <summary>Runs a command of whose output only the first three lines are read; prints both exit codes.</summary>
    private async Task<CliResult> CutAsync(string command, string file)
    {
        await using var run = CliRun.StartAfter(
            $"{{ \"$@\"; echo $? >code; }} | head -n 3 >{file}; echo \"$(cat code) $?\"; exit", Folder, new Dictionary<string, string>(), ["cache", .. command.Split(' ')]);
        return await run.EndAsync();
    }

    /// <summary>Two experiments: 20 answers of a batch, and 10 live ones with their requests.</summary>
    private async Task AnsweredAsync()
    {
        await ProviderAsync();
        Dataset(20);
        Config("a");
        Config("b", "anthropic", more: "batch_mode: false\ncache: { store_requests: true }\n");
        var config = await File.ReadAllTextAsync(Path.Combine(Folder, "configs/b.yaml"), Cancel);
        Write("configs/b.yaml", config.Replace("id: id }", "id: id, limit: 10 }", StringComparison.Ordinal));
        (await SweepAsync()).Is(0);
    }

    /// <summary>Changes a byte of a response, and returns its key.</summary>
    private string Break(int id)
    {
        using var connection = new SqliteConnection($"Data Source={Cache};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "UPDATE responses SET body=CAST(replace(CAST(body AS TEXT), 'usage', 'uzage') AS BLOB) WHERE id=$id RETURNING key";
        command.Parameters.AddWithValue("$id", id);
        return Convert.ToBase64String((byte[])command.ExecuteScalar()!).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    private Task<string> ElsewhereAsync(string experiment) => File.ReadAllTextAsync(
        Directory.EnumerateFiles(Path.Combine(Folder, "other/runs"), "results.jsonl", SearchOption.AllDirectories).Single(p => Path.GetFileName(Path.GetDirectoryName(p)) == experiment), Cancel);

    private static List<JsonNode> Lines(CliResult result) => [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];

    private static string[] Sorted(CliResult result) => [.. result.Output.Split('\n').Order(StringComparer.Ordinal)];

    private static int Number(JsonNode node, string name) => node[name]!.GetValue<int>();
}
