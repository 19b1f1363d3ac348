using System.CommandLine;
using System.Globalization;
using Sluice.Cli.Views;
using Sluice.Memory;

namespace Sluice.Cli.Commands;

/// <summary><c>memory</c>: what this container may really use.</summary>
internal static class MemoryCommand
{
    public static Command Create()
    {
        var watch = new Option<bool>("--watch") { Description = "Show it again and again until Ctrl-C; with --json one line per sample." };
        var interval = new Option<double>("--interval") { Description = "Seconds between two samples of --watch.", HelpName = "seconds", DefaultValueFactory = _ => 1 };
        interval.Validators.Add(result =>
        {
            // A comma parts thousands, and would be passed over.
            if (result.Tokens is [{ Value: var text }] && !(double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= 0.1 and <= 3600))
            {
                result.AddError($"--interval: expected a number from 0.1 to 3600, found {text}");
            }
        });
        var command = new Command("memory", "Show the memory limit, usage and headroom that hold for this process.") { watch, interval };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var probe = MachineMemory.Probe();
            var json = parsed.GetValue(CommonOptions.Json);
            if (parsed.GetValue(watch))
            {
                return await DataStream.RunAsync(
                    output => WatchAsync(output, probe, json, TimeSpan.FromSeconds(parsed.GetValue(interval)), TimeProvider.System, cancellationToken), cancellationToken).ConfigureAwait(false);
            }

            if (parsed.GetResult(interval) is { Implicit: false })
            {
                throw new SluiceException(ErrorKind.Usage, "--interval has no meaning without --watch", "add --watch, or leave it out");
            }

            if (json)
            {
                var sample = probe.Sample();
                JsonOut.Write(writer => MemoryView.Json(writer, sample, TimeProvider.System.GetUtcNow()));
            }
            else
            {
                MemoryView.Show(probe.Sample(), Terminal.Print);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task<int> WatchAsync(DataStream output, MemoryProbe probe, bool json, TimeSpan interval, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(interval, time);
        MemorySample? before = null;
        try
        {
            do
            {
                var sample = probe.Sample();
                if (json)
                {
                    output.Json(writer => MemoryView.Json(writer, sample, time.GetUtcNow()));
                }
                else if (before is null)
                {
                    MemoryView.Show(sample, output.Line);
                }
                else
                {
                    output.Line(MemoryView.Line(sample, before, time.GetLocalNow()));
                }

                before = sample;
            }
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Ctrl-C is how watching ends.
        }

        return ExitCodes.Done;
    }
}
