using Sluice.Configuration;

namespace Sluice.Tests.Configuration;

public sealed class ConfigFinderTests : IDisposable
{
    private readonly ConfigFolder _folder = new();

    public ConfigFinderTests()
    {
        foreach (string name in new[] { "c/b.yaml", "c/a.yml", "c/B.yaml", "c/read.me", "c/.hidden.yaml", "c/d/x.yaml", "c/d/e/y1.yaml", "c/d/e/y2.yaml", "c/.git/z.yaml", "empty/x.txt", "a*b.yaml" })
        {
            _folder.Write(name, "");
        }

        Directory.CreateSymbolicLink(Path.Join(_folder.Path, "c/d/loop"), Path.Join(_folder.Path, "c"));
    }

    [Theory]
    [InlineData("c/b.yaml", "c/b.yaml")]
    [InlineData("c", "c/.hidden.yaml c/B.yaml c/a.yml c/b.yaml")]
    [InlineData("c/", "c/.hidden.yaml c/B.yaml c/a.yml c/b.yaml")]
    [InlineData("c/*.yaml", "c/B.yaml c/b.yaml")]
    [InlineData("c/?.y*ml", "c/B.yaml c/a.yml c/b.yaml")]
    [InlineData("c/**/*.yaml", "c/B.yaml c/b.yaml c/d/e/y1.yaml c/d/e/y2.yaml c/d/x.yaml")]
    [InlineData("**/y?.yaml", "c/d/e/y1.yaml c/d/e/y2.yaml")]
    [InlineData("c/*/x.yaml", "c/d/x.yaml")]
    [InlineData("./c/d/**", "./c/d/e/y1.yaml ./c/d/e/y2.yaml ./c/d/x.yaml")]
    [InlineData("c/d/../b.yaml", "c/d/../b.yaml")]
    [InlineData("a*b.yaml", "a*b.yaml")]
    public void Files_folders_and_globs_are_found_in_order(string argument, string expected) => Assert.Equal(expected.Split(' '), Find(out _, argument));

    [Fact]
    public void An_absolute_glob_works_too() =>
        Assert.Equal([Path.Join(_folder.Path, "c/d/x.yaml")], Find(out _, Path.Join(_folder.Path, "c/d/*.yaml")));

    [Fact]
    public void The_same_file_is_taken_once_and_the_order_of_the_arguments_is_kept() =>
        Assert.Equal(["c/d/x.yaml", "c/B.yaml", "c/b.yaml"], Find(out _, "c/d/x.yaml", "c/*.yaml", "c/b.yaml", "./c/../c/B.yaml"));

    [Theory]
    [InlineData("c/bb.yaml", "command line: c/bb.yaml: no such file or folder; did you mean \"b.yaml\"?")]
    [InlineData("nowhere/x.yaml", "command line: nowhere/x.yaml: no such file or folder")]
    [InlineData("empty", "command line: empty: the folder holds no .yaml or .yml file; for those in folders below: 'empty/**/*.yaml'")]
    [InlineData("c/*.json", "command line: c/*.json: no file matches; ** stands for any folders, * and ? for any letters")]
    [InlineData("nowhere/*.yaml", "command line: nowhere/*.yaml: no file matches; ** stands for any folders, * and ? for any letters")]
    [InlineData("", "command line: \"\" is no file name")]
    public void What_is_not_found_is_explained(string argument, string expected)
    {
        Assert.Empty(Find(out MistakeList mistakes, argument));
        Assert.Equal("1 mistake on the command line\n" + expected, Assert.Throws<SluiceException>(mistakes.ThrowIfAny).Message);
    }

    [Fact]
    public void Naming_no_config_is_a_mistake() =>
        Assert.Equal("no config is given, and there is no config.yaml in conf, configs, config or here", _folder.Error([]));

    [Fact]
    public void The_experiments_come_in_the_order_of_their_files()
    {
        foreach (string name in new[] { "z", "a", "m" })
        {
            _folder.Write($"s/{name}.yaml", ConfigFolder.Minimal.Replace("name: a", "name: " + name, StringComparison.Ordinal));
        }

        Assert.Equal(["m", "a", "z"], ConfigLoader.Load(["s/m.yaml", "s"], [], _folder.Context).Select(static experiment => experiment.Name));
    }

    public void Dispose() => _folder.Dispose();

    private IReadOnlyList<string> Find(out MistakeList mistakes, params string[] arguments) => new ConfigFinder(_folder.Path, mistakes = new MistakeList()).Find(arguments);
}
