using System.Globalization;

namespace Sluice.Journeys;

/// <summary>A disk that fails under <c>doctor --repair</c>, which needs room for a second cache: no answer is lost, and the same command goes on.</summary>
public sealed class RepairDiskJourneys : Journey
{
    private const int Samples = 120;

    private static readonly int Points = Scale.Of(quick: 3, usual: 6, full: 40);

    [Theory]
    [InlineData(28, "write,sync,truncate,mkdir", "the disk is full while writing")]
    [InlineData(30, "write,sync,truncate,rename,unlink,mkdir,open", "read-only file system")]
    [InlineData(5, "write,sync,truncate,rename,unlink,open", "")]
    public async Task An_answer_that_could_be_read_before_can_be_read_after(int errno, string operations, string said)
    {
        await ProviderAsync();
        Dataset(Samples);
        Config();
        (await SweepAsync()).Is(0);
        CacheFile.Change(Folder, "UPDATE responses SET body=zeroblob(length(body)) WHERE id=7");
        var log = Path.Combine(Folder, "log");
        (await RepairAsync("calm", FaultLibrary.Over(Copy("calm"), log))).Is(1).Says("119 responses saved");
        var total = (await File.ReadAllLinesAsync(log, Cancel)).Count(line => operations.Split(',').Contains(line.Split(' ')[0]));
        Assert.InRange(total, Points, int.MaxValue);
        var refused = 0;

        foreach (var at in Enumerable.Range(0, Points).Select(i => 1 + (int)((i + 0.5) * total / Points)))
        {
            var workspace = Copy($"at{at}");
            var faults = FaultLibrary.Over(workspace, Path.Combine(Folder, $"log{at}"));
            faults["FAULTFS_OPS"] = operations;
            faults["FAULTFS_AT"] = at.ToString(CultureInfo.InvariantCulture);
            faults["FAULTFS_ERRNO"] = errno.ToString(CultureInfo.InvariantCulture);
            faults["FAULTFS_STICKY"] = errno == 5 ? "0" : "1";
            var repair = await RepairAsync($"at{at}", faults);
            if (repair.ExitCode != 1)
            {
                repair.Explains(3, workspace, said);
                refused++;
            }

            Assert.Equal(Samples - 1, await CacheFile.SoundAsync(workspace));
            // The damaged answer is lost, and that is left for people to decide.
            (await RepairAsync($"at{at}", [])).Is(1);
            (await RepairAsync($"at{at}", [])).Is(1);
            Assert.Equal(Samples - 1, await CacheFile.SoundAsync(workspace));
        }

        Assert.InRange(refused, 1, Points);
    }

    private async Task<CliResult> RepairAsync(string workspace, Dictionary<string, string> faults)
    {
        await using var run = CliRun.Start(Folder, faults, "doctor", "--repair", "--workspace", workspace);
        return await run.EndAsync();
    }
}
