using Sluice.Launching;

namespace Sluice.Tests.Launching;

public sealed class LaunchJournalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-journal-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_noted_is_there_again()
    {
        using (var journal = Open())
        {
            journal.Begin("m1", [Job(journal, "a"), Job(journal, "b")]);
            journal.Started(0, new ProcessEntry(31, 1, 31, 'S', 77));
            journal.Ended(0, new JournalEnd(LaunchOutcome.Done, 0, 500, 1.5, null));
            journal.Started(1, new ProcessEntry(32, 1, 32, 'S', 78));
            journal.Ended(1, new JournalEnd(LaunchOutcome.GivenUp, null, 9, 0, "too large"));
        }

        using var again = Open();
        Assert.Equal(new JournalEnd(LaunchOutcome.Done, 0, 500, 1.5, null), again.EndOf(0));
        Assert.Equal(new JournalEnd(LaunchOutcome.GivenUp, null, 9, 0, "too large"), again.EndOf(1));
        Assert.Equal("m1", again.LastMark);
        Assert.Equal([(0, 500L)], again.Peaks);
        Assert.Equal([(31, 77UL), (32, 78UL)], again.LastLeaders);
    }

    [Fact]
    public void A_job_keeps_its_number_and_a_new_one_gets_the_next()
    {
        using (var journal = Open())
        {
            journal.Begin("m", [Job(journal, "a"), Job(journal, "b")]);
        }

        using var again = Open();
        Assert.Equal((2, 1, 0), (again.NumberOf("new"), again.NumberOf("b"), again.NumberOf("a")));
    }

    [Theory]
    [InlineData("{\"event\":\"end\",\"job\":0,\"outc")]
    [InlineData("\0\0\0\0")]
    [InlineData("{}\n[]\n7\n\"x\"\nnull")]
    [InlineData("{\"event\":\"end\",\"job\":\"x\"}")]
    public void A_line_that_a_crash_has_cut_tells_nothing_and_the_next_one_is_whole(string rest)
    {
        using (var journal = Open())
        {
            journal.Begin("m", [Job(journal, "a")]);
        }

        File.AppendAllText(Path.Combine(_folder, "jobs.jsonl"), rest);
        using (var journal = Open())
        {
            Assert.Null(journal.EndOf(0));
            journal.Ended(0, new JournalEnd(LaunchOutcome.Failed, 3, 1, 1, null));
        }

        using var again = Open();
        Assert.Equal(3, again.EndOf(0)!.ExitCode);
    }

    [Fact]
    public void A_second_launcher_is_refused()
    {
        using var journal = Open();

        Assert.Contains("another", Assert.Throws<SluiceException>(Open).Message);
    }

    private static LaunchJob Job(LaunchJournal journal, string key) => new(journal.NumberOf(key), key, "", [], []);

    private LaunchJournal Open() => new(_folder, TimeProvider.System);
}
