using System.Text;
using System.Text.RegularExpressions;
using Sluice.Storage;

namespace Sluice.Tests;

/// <summary>What docs/guarantees.md says about this repository is so.</summary>
public sealed partial class GuaranteesTests
{
    private static string Root { get; } = FindRoot();

    [Fact]
    public void Every_test_that_holds_a_promise_exists()
    {
        string page = File.ReadAllText(Path.Join(Root, "docs", "guarantees.md"));
        string[] names = [.. TestName().Matches(page).Select(m => m.Groups[1].Value).Distinct()];

        Assert.True(names.Length >= 9);
        Assert.All(names, name => Assert.NotEmpty(Directory.EnumerateFiles(Path.Join(Root, "test"), name + ".cs", SearchOption.AllDirectories)));
        Assert.All(FilePath().Matches(page).Select(m => m.Groups[1].Value), path => Assert.True(File.Exists(Path.Join(Root, path)), path));
    }

    [Fact]
    public void Crash_points_are_compiled_to_nothing()
    {
        Assert.SkipUnless(typeof(CrashPoint).GetProperty("Handler") is null, "this is the build that has them");
        byte[] library = File.ReadAllBytes(typeof(CrashPoint).Assembly.Location);

        Assert.All((string[])["provider.create.before", "cache.put.after", "file.rename.before"], point => Assert.Equal(-1, library.AsSpan().IndexOf(Encoding.Unicode.GetBytes(point))));
        Assert.NotEqual(-1, library.AsSpan().IndexOf(Encoding.Unicode.GetBytes("PRAGMA synchronous=FULL")));
    }

    private static string FindRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Join(folder, "Sluice.slnx")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }

    [GeneratedRegex("`([A-Za-z]+(?:Journeys|Tests))`")]
    private static partial Regex TestName();

    [GeneratedRegex("`(test/[A-Za-z./]+\\.cs)`")]
    private static partial Regex FilePath();
}
