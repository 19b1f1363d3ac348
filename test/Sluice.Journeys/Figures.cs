namespace Sluice.Journeys;

/// <summary>What a long journey has measured: a line in its output, and in the file that test.sh shows at the end.</summary>
internal static class Figures
{
    private static readonly Lock Gate = new();

    public static void Add(string line)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(line);
        var folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "../../../test-logs")).FullName;
        lock (Gate)
        {
            File.AppendAllText(Path.Combine(folder, "figures.txt"), line + "\n");
        }
    }
}
