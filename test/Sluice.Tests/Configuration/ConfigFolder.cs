using Sluice.Configuration;
using Sluice.Experiments;

namespace Sluice.Tests.Configuration;

/// <summary>A temporary folder with configs, and shortcuts to load them.</summary>
internal sealed class ConfigFolder : IDisposable
{
    public const string Minimal = """
        name: a
        dataset: data.jsonl
        model: { provider: openai, name: gpt }
        user: "{{ sample.q }}"

        """;

    public ConfigFolder()
    {
        Path = Directory.CreateTempSubdirectory("sluice-cfg-").FullName;
        Write("data.jsonl", "{}\n");
        Context = new ConfigContext
        {
            CurrentDirectory = Path,
            Providers = ["openai", "anthropic", "simulated"],
            Environment = name => Variables.GetValueOrDefault(name),
        };
    }

    public string Path { get; }

    public Dictionary<string, string> Variables { get; } = [];

    public ConfigContext Context { get; }

    public string Write(string name, string text)
    {
        string path = System.IO.Path.Join(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public Experiment Load(string yaml, params string[] overrides)
    {
        Write("a.yaml", yaml);
        return ConfigLoader.LoadFile("a.yaml", overrides, Context);
    }

    /// <summary>Gives the lines of the error that loading the text must end with, without its heading.</summary>
    public string[] Mistakes(string yaml, params string[] overrides)
    {
        Write("a.yaml", yaml);
        return Error(["a.yaml"], overrides).Split('\n')[1..];
    }

    public string Error(string[] patterns, params string[] overrides)
    {
        SluiceException error = Assert.Throws<SluiceException>(() => ConfigLoader.Load(patterns, overrides, Context));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        return error.Message.Replace(Path, "<folder>", StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
