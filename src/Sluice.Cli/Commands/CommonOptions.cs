using System.CommandLine;
using System.CommandLine.Parsing;

namespace Sluice.Cli.Commands;

/// <summary>Options and arguments that several commands share.</summary>
internal static class CommonOptions
{
    public static Option<string> Workspace { get; } = new("--workspace", "-w")
    {
        Description = "Folder of .sluice/ (cache, ledger) and runs/ (results).",
        HelpName = "folder",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SLUICE_WORKSPACE") is { Length: > 0 } folder ? folder : ".",
        Recursive = true,
        Validators = { RefuseFiles },
    };

    public static Option<bool> Json { get; } = new("--json") { Description = "Print facts as one JSON document on stdout.", Recursive = true };

    public static Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "No progress, only results and errors.", Recursive = true };

    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "Show stack traces of errors.", Recursive = true };

    /// <summary>Makes the option that names the sweep.</summary>
    public static Option<string?> Sweep(string description) => new("--sweep") { Description = description, HelpName = "name" };

    /// <summary>Makes the option that pays again on purpose.</summary>
    public static Option<bool> Refresh() => new("--refresh") { Description = "Ask everything again: answers made before now do not count, and give way." };

    /// <summary>Makes the option that sends failed requests again.</summary>
    public static Option<bool> RetryFailed() => new("--retry-failed") { Description = "Send requests again that failed for good." };

    /// <summary>Refuses a workspace that can be no folder: it would look like one in which nothing has happened yet.</summary>
    private static void RefuseFiles(OptionResult result)
    {
        var name = result.Implicit ? "SLUICE_WORKSPACE" : "--workspace";
        if (result.GetValueOrDefault<string>() is not { Length: > 0 } folder)
        {
            result.AddError($"{name}: expected a folder, found an empty name");
            return;
        }

        for (var path = Path.GetFullPath(folder); path is not null && !Directory.Exists(path); path = Path.GetDirectoryName(path))
        {
            if (File.Exists(path))
            {
                result.AddError($"{name}: expected a folder, but {path} is a file");
                return;
            }
        }
    }
}
