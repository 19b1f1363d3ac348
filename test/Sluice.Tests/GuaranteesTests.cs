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
    public void Every_promise_is_held_by_a_test_and_every_invariant_is_planted_once()
    {
        string page = File.ReadAllText(Path.Join(Root, "docs", "guarantees.md"));
        string[] promises = [.. Promise().Matches(page).Select(m => m.Groups[1].Value)];
        string[] held = [.. TableRow().Matches(page).SelectMany(m => m.Groups[1].Value.Split(", ")).Distinct()];
        Assert.Equal(Enumerable.Range(1, promises.Length).Select(n => n.ToString(System.Globalization.CultureInfo.InvariantCulture)), promises);
        Assert.Empty(promises.Except(held));
        Assert.Empty(held.Except(promises));

        string checker = File.ReadAllText(Path.Join(Root, "test/Sluice.Testing/Invariants.cs"));
        string[] invariants = [.. Invariant().Matches(checker).Select(m => m.Groups[1].Value).Distinct().Order(StringComparer.Ordinal)];
        string[] planted = [.. typeof(Testing.InvariantTests).GetMethods().Select(m => m.Name.Split('_')[0]).Where(name => name.Length == 2 && name[0] == 'I').Order(StringComparer.Ordinal)];
        Assert.Equal(invariants, planted);
        Assert.Contains("Nine invariants", page, StringComparison.Ordinal);
        Assert.Equal(9, invariants.Length);
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

    [GeneratedRegex(@"(?m)^\*\*(\d+)\. ")]
    private static partial Regex Promise();

    [GeneratedRegex(@"(?m)^\| ([\d, ]+) \| `")]
    private static partial Regex TableRow();

    [GeneratedRegex("\"(I\\d)[\":]")]
    private static partial Regex Invariant();

    [GeneratedRegex("`(test/[A-Za-z./]+\\.cs)`")]
    private static partial Regex FilePath();
}
