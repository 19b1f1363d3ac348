namespace Sluice.Journeys;

/// <summary>Two people of one group work in one workspace.</summary>
public sealed class SharedWorkspaceJourneys : Journey
{
    private const int Samples = 5;

    [Theory]
    [InlineData("openai", "sqlite", "true")]
    [InlineData("openai", "jsonl", "false")]
    [InlineData("simulated", "sqlite", "true")]
    public async Task Two_users_of_a_group_share_answers_and_results(string provider, string backend, string batchMode)
    {
        await SharedAsync();
        Config(provider: provider, more: $"batch_mode: {batchMode}\ncache: {{ backend: {backend} }}");

        (await AsUser(2001, "run", "configs", "--json", "-w", "shared").EndAsync()).Is(0);
        var second = (await AsUser(2002, "run", "configs", "--json", "-w", "shared").EndAsync()).Is(0);
        Assert.Equal(0, second.Sent);
        (await AsUser(2002, "run", "configs", "--json", "-w", "shared", "epochs=2").EndAsync()).Is(0);
        (await AsUser(2001, "run", "configs", "--json", "-w", "shared", "epochs=3").EndAsync()).Is(0);
        (await AsUser(2001, "launch", "--name", "l", "-w", "shared", "--", "true").EndAsync()).Is(0);
        (await AsUser(2002, "launch", "--name", "l", "-w", "shared", "--", "true").EndAsync()).Is(0);

        Assert.All(
            Directory.EnumerateFileSystemEntries(Path.Combine(Folder, "shared"), "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }),
            path => Assert.Equal(UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(path) & (UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)));
    }

    [Fact]
    public async Task A_live_call_of_another_user_is_waited_for()
    {
        await SharedAsync(TimeSpan.FromSeconds(2));
        Config(more: "batch_mode: false");
        var first = AsUser(2001, "run", "configs", "--json", "-w", "shared", "--sweep", "first");
        await Poll.UntilAsync(() => OpenAI.LiveCalls == Samples, () => first.Text);

        var second = AsUser(2002, "run", "configs", "--json", "-w", "shared", "--sweep", "second");

        Assert.Equal(0, (await second.EndAsync()).Is(0).Sent);
        (await first.EndAsync()).Is(0);
        Assert.Equal((Samples, 0L), (OpenAI.LiveCalls, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task A_workspace_that_is_not_shared_stays_with_its_user()
    {
        await SharedAsync(mode: UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        Config();
        (await RunAsync("run", "configs", "-w", "shared")).Is(0);

        (await AsUser(2002, "status", "-w", "shared").EndAsync()).Is(3);

        Assert.All(
            Directory.EnumerateFileSystemEntries(Path.Combine(Folder, "shared"), "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }),
            path => Assert.Equal((UnixFileMode)0, File.GetUnixFileMode(path) & (UnixFileMode)0b111_111));
    }

    [Theory]
    [InlineData("022", true)]
    [InlineData("077", true)]
    [InlineData("002", false)]
    public async Task A_umask_that_keeps_the_group_out_is_named(string umask, bool isNamed)
    {
        await SharedAsync();
        Config();

        var run = (await AsUser(2001, umask, ["run", "configs", "-w", "shared"]).EndAsync()).Is(0);

        Assert.Equal(isNamed, run.Errors.Contains($"with the umask 0{umask} it cannot write what this command makes: say `umask 002` first", StringComparison.Ordinal));
    }

    private async Task SharedAsync(TimeSpan latency = default, UnixFileMode? mode = null)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists("/usr/bin/setpriv"), "other users' processes are started as root, with setpriv");
        await ProviderAsync(options: new Simulator.SimulatorOptions { Folder = Path.Combine(Folder, "provider"), LiveLatency = latency });
        File.SetUnixFileMode(Folder, File.GetUnixFileMode(Folder) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        var shared = Path.Combine(Folder, "shared");
        Directory.CreateDirectory(shared);
        using (var group = System.Diagnostics.Process.Start("chgrp", ["3000", shared]))
        {
            await group.WaitForExitAsync(Cancel);
            Assert.Equal(0, group.ExitCode);
        }

        File.SetUnixFileMode(shared, mode ?? (UnixFileMode)0b010_111_111_111);
        Dataset(Samples);
    }

    private CliRun AsUser(int user, params string[] args) => AsUser(user, "002", args);

    private CliRun AsUser(int user, string umask, string[] args) =>
        StartBy(["setpriv", "--reuid", $"{user}", "--regid", "3000", "--clear-groups", "sh", "-c", $"umask {umask}; exec \"$@\"", "sh"], args);
}
