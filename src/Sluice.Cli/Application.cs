using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Sluice.Cli.Commands;
using Sluice.Cli.Commands.Cache;
using Sluice.Storage;

namespace Sluice.Cli;

/// <summary>Parses, runs, and turns whatever goes wrong into a message and an exit code.</summary>
internal static class Application
{
    public static async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        using var signals = new StopSignals(TimeProvider.System);
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
        catch (SluiceException error)
        {
            Terminal.Error(error.Message, error.Hint);
            if (verbose)
            {
                await Console.Error.WriteLineAsync(error.ToString()).ConfigureAwait(false);
            }

            return ExitCodes.Of(error.Kind);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Terminal.Error("stopped", "run the same command again to go on");
            return ExitCodes.Interrupted;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            var trouble = DiskTrouble.Explain(error);
            Terminal.Error(trouble?.Message ?? error.Message, trouble?.Hint ?? "check the disk and the folder's permissions, then run the same command again");
            return ExitCodes.Unexpected;
        }
        catch (Exception error)
        {
            if (verbose)
            {
                await Console.Error.WriteLineAsync(error.ToString()).ConfigureAwait(false);
            }

            Terminal.Error($"unexpected: {error.GetType().Name}: {error.Message}", "this is a bug: please report it with the output of the same command and --verbose");
            return ExitCodes.Unexpected;
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
