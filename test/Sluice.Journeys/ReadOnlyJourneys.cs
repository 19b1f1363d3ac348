using System.Diagnostics;

namespace Sluice.Journeys;

/// <summary>A workspace that only this program sees as read-only, in a mount namespace of its own: it can be looked at, and nothing else.</summary>
public sealed class ReadOnlyJourneys : Journey
{
    private string[] Way =>
        ["unshare", Environment.IsPrivilegedProcess ? "-m" : "-Urm", "sh", "-c", "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\"", Folder];

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task What_is_there_is_shown_and_nothing_can_be_added(string backend)
    {
        RequireNamespaces();
        await ProviderAsync();
        Dataset(20);
        Config();
        (await RunAsync("run", "configs", $"cache.backend={backend}")).Is(0);

        Assert.Equal(20, (await LookAsync("cache", "stats", "--json")).Is(0).Json["responses"]!.GetValue<int>());
        (await LookAsync("cache", "verify")).Is(0).Says("20 responses, all as they were stored");
        Assert.Equal(20, (await LookAsync("cache", "export", "-")).Is(0).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        (await LookAsync("status")).Is(0).Says("20 of 20 samples");
        (await LookAsync("plan", "configs", $"cache.backend={backend}")).Is(0).Says("to send: 0 requests");
        (await LookAsync("doctor")).Is(0).Says("everything is sound");

        (await LookAsync("cache", "prune", "--all", "--yes")).Explains(3, "read-only");
        (await LookAsync("run", "configs", $"cache.backend={backend}", "user='{{ sample.question }}?'")).Explains(3, "read-only");
        Assert.Equal(1, OpenAI.BatchesCreated);
    }

    [Fact]
    public async Task What_was_written_last_and_is_not_in_the_file_yet_is_not_passed_over()
    {
        RequireNamespaces();
        await ProviderAsync();
        Dataset(20);
        Config();
        (await RunAsync("run", "configs")).Is(0);
        Write(".sluice/cache.db-wal", "what a killed process has left");

        (await LookAsync("cache", "stats")).Explains(3, "cannot be read where it cannot be written", "copy");
    }

    private async Task<CliResult> LookAsync(params string[] arguments) => await StartBy(Way, arguments).EndAsync();

    private void RequireNamespaces()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "mount namespaces are Linux's");
        using var attempt = Process.Start(new ProcessStartInfo(Way[0], [.. Way.Skip(1), "true"]) { RedirectStandardError = true })!;
        attempt.WaitForExit();
        Assert.SkipUnless(attempt.ExitCode == 0, "mount namespaces are refused here");
    }
}
