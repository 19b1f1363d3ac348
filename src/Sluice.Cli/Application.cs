using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Sluice.Cli.Commands;
using Sluice.Cli.Commands.Cache;

namespace Sluice.Cli;

/// <summary>Parses, runs, and turns whatever goes wrong into a message and an exit code.</summary>
internal static class Application
{
    public static async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        // Listened to until the process has ended: a terminal that closes at the last moment would change the exit code.
        var signals = new StopSignals(TimeProvider.System);
        var code = await RunAsync(args, signals.Token).ConfigureAwait(false);
        return code == ExitCodes.Interrupted && signals.IsTermination ? ExitCodes.Terminated : code;
    }

    private static async Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken stop)
    {
        var verbose = args.Contains("--verbose");
        try
        {
            var parsed = Root().Parse(args);
            if (parsed.Action is ParseErrorAction)
            {
                return UsageMistake(parsed);
            }

            if (parsed.Action is HelpAction help)
            {
                return Help(help, parsed);
            }

            // Signals are ours, and so are exceptions: the library's own handling of both is off.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stop).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            var ending = Ending.Of(error, stop);
            Terminal.Error(ending.Message, ending.Hint);
            if (verbose && ending.Code != ExitCodes.Interrupted)
            {
                await Console.Error.WriteLineAsync(error.ToString()).ConfigureAwait(false);
            }

            return ending.Code;
        }
    }

    /// <summary>Prints help under the name that people type, not that of the file which runs.</summary>
    private static int Help(HelpAction help, ParseResult parsed)
    {
        using var text = new StringWriter();
        parsed.InvocationConfiguration.Output = text;
        var code = help.Invoke(parsed);
        Console.Out.Write(text.ToString().Replace(RootCommand.ExecutableName, "sluice", StringComparison.Ordinal));
        return code;
    }

    private static RootCommand Root()
    {
        var root = new RootCommand("Runs many LLM experiments from one small process: cached once, batched at half price, resumed at will.");
        root.Add(CommonOptions.Workspace);
        root.Add(CommonOptions.Json);
        root.Add(CommonOptions.Quiet);
        root.Add(CommonOptions.Verbose);
        root.Add(PlanCommand.Create());
        root.Add(SweepCommands.Run());
        root.Add(SweepCommands.Submit());
        root.Add(StatusCommand.Create());
        root.Add(SweepCommands.Retrieve());
        root.Add(CancelCommand.Create());
        root.Add(AdoptCommand.Create());
        root.Add(ResendCommand.Create());
        root.Add(DoctorCommand.Create());
        root.Add(CacheCommand.Create());
        root.Add(SchemaCommand.Create());
        root.Add(SimulateCommand.Create());
        root.Add(MemoryCommand.Create());
        root.Add(LaunchCommand.Create());
        return root;
    }

    private static int UsageMistake(ParseResult parsed)
    {
        foreach (var error in parsed.Errors)
        {
            Terminal.Error(error.Message, null);
        }

        Terminal.Hint($"see `sluice{NameOf(parsed.CommandResult)} --help`");
        return ExitCodes.Usage;
    }

    /// <summary>Returns a command's name with those of the groups it is in, each after a blank.</summary>
    private static string NameOf(CommandResult command) => command.Parent is CommandResult parent ? $"{NameOf(parent)} {command.Command.Name}" : "";
}
