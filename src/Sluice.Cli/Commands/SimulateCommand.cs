using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Sluice.Simulator;

namespace Sluice.Cli.Commands;

/// <summary><c>simulate</c>: a server on this machine that speaks the providers' APIs, for rehearsals that cost nothing.</summary>
internal static class SimulateCommand
{
    public static Command Create()
    {
        var port = new Option<int>("--port") { Description = "Port on 127.0.0.1; 0 takes a free one.", HelpName = "port" };
        var recordings = new Option<string?>("--recordings") { Description = "JSONL of {model, prompt, completion}: answers by model and last user message.", HelpName = "file" };
        var faults = new Option<string?>("--faults") { Description = "Fault script (docs/simulator.md).", HelpName = "file" };
        var folder = new Option<string?>("--folder") { Description = "Where files and batches are kept; default: a new temporary folder.", HelpName = "folder" };
        var batchDelay = new Option<double>("--batch-delay") { Description = "Least time a batch takes, in seconds.", HelpName = "seconds" };
        var latency = new Option<double>("--latency") { Description = "Time a live call takes, in milliseconds.", HelpName = "ms" };
        var command = new Command("simulate", "Serve OpenAI's and Anthropic's live and Batch APIs on this machine, with recorded or made-up answers.")
        {
            port, recordings, faults, folder, batchDelay, latency,
        };
        port.Validators.Add(result => Within(result, 65535));
        batchDelay.Validators.Add(result => Within(result, 1e6));
        latency.Validators.Add(result => Within(result, 1e6));
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var place = parsed.GetValue(folder) ?? Path.Combine(Path.GetTempPath(), $"sluice-simulator-{Environment.ProcessId}");
            try
            {
                var script = parsed.GetValue(faults) is { } file ? await FaultScript.LoadAsync(file, cancellationToken).ConfigureAwait(false) : null;
                var server = await SimulatorServer.StartAsync(
                    new SimulatorOptions
                    {
                        Folder = place,
                        Port = parsed.GetValue(port),
                        RecordingsPath = parsed.GetValue(recordings),
                        Faults = script,
                        BatchDelay = TimeSpan.FromSeconds(parsed.GetValue(batchDelay)),
                        LiveLatency = TimeSpan.FromMilliseconds(parsed.GetValue(latency)),
                    },
                    cancellationToken).ConfigureAwait(false);
                await using var _ = server.ConfigureAwait(false);
                Announce(server.Address, Path.Combine(Path.GetFullPath(place), "workspace"), parsed.GetValue(CommonOptions.Json));
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                Terminal.Line("simulator stopped");
            }
            catch (Exception error) when (error is InvalidDataException or FormatException or FileNotFoundException)
            {
                throw new SluiceException(ErrorKind.Usage, error.Message, "mend the file", error);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new SluiceException(ErrorKind.Environment, error.Message, "choose another --port or --folder", error);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static void Within(OptionResult result, double most)
    {
        if (result.Tokens is [{ Value: var text }] && double.TryParse(text, CultureInfo.InvariantCulture, out var value) && !(value >= 0 && value <= most))
        {
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{result.Option.Name}: expected a number from 0 to {most}, found {text}"));
        }
    }

    /// <summary>Prints where it is, and a workspace for rehearsals: what is rehearsed does not lie about among real results.</summary>
    private static void Announce(Uri address, string workspace, bool json)
    {
        var root = address.GetLeftPart(UriPartial.Authority);
        if (json)
        {
            Console.WriteLine($$"""{"address":"{{root}}","openai_base_url":"{{root}}/v1","anthropic_base_url":"{{root}}","workspace":"{{JsonEncodedText.Encode(workspace)}}"}""");
        }
        else
        {
            Console.WriteLine($"simulator on {root}");
            Console.WriteLine($"  export OPENAI_BASE_URL={root}/v1 OPENAI_API_KEY=any");
            Console.WriteLine($"  export ANTHROPIC_BASE_URL={root} ANTHROPIC_API_KEY=any");
            Console.WriteLine($"  export SLUICE_WORKSPACE='{workspace.Replace("'", "'\\''", StringComparison.Ordinal)}'");
            Console.WriteLine($"  what it did: {root}/_sim/stats");
        }

        Console.Out.Flush();
    }
}
