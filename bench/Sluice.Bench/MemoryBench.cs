using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Sluice.Memory;

namespace Sluice.Bench;

/// <summary>
/// Twenty configs through the Batch APIs of a simulator in another process: requests per second, and the peak sum of Pss of our processes
/// (the simulator, which stands for the providers, is shown beside).
/// </summary>
internal static class MemoryBench
{
    private const int Configs = 20;

    public static async Task<int> RunAsync(string program, long[] sizes)
    {
        Console.WriteLine($"bench/memory: {Machine.Describe()}; {Path.GetFileName(program)}");
        Console.WriteLine($"{"configs x samples",18} {"requests",10} {"seconds",8} {"requests/s",10} {"peak Pss",10} {"again",8} {"samples/s",10} {"peak Pss",10} {"simulator",10}");
        foreach (var samples in sizes.Length > 0 ? sizes : [1_000, 10_000, 100_000])
        {
            await MeasureAsync(program, samples);
        }

        return 0;
    }

    private static async Task MeasureAsync(string program, long samples)
    {
        var folder = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            SampleFile.Write(Path.Combine(folder, "samples.jsonl"), samples);
            WriteConfigs(folder);
            using var simulator = Start(program, folder, null, "simulate", "--json", "--folder", Path.Combine(folder, "simulator"));
            using var address = JsonDocument.Parse(await simulator.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("the simulator did not start"));
            var cold = await RunOnceAsync(program, folder, address.RootElement, simulator);
            var warm = await RunOnceAsync(program, folder, address.RootElement, simulator);
            simulator.Kill();
            if (cold.Sent != Configs * samples || warm.Sent != 0)
            {
                throw new InvalidOperationException($"sent {cold.Sent} and then {warm.Sent} requests; expected {Configs * samples} and 0");
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{Configs + " x " + samples,18} {cold.Sent,10} {cold.Seconds,8:0.0} {cold.Sent / cold.Seconds,10:0} {cold.Peak / 1e6,7:0} MB {warm.Seconds,8:0.0} {cold.Sent / warm.Seconds,10:0} {warm.Peak / 1e6,7:0} MB {Math.Max(cold.Simulator, warm.Simulator) / 1e6,7:0} MB"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void WriteConfigs(string folder)
    {
        Directory.CreateDirectory(Path.Combine(folder, "configs"));
        for (var i = 0; i < Configs; i++)
        {
            File.WriteAllText(Path.Combine(folder, "configs", $"e{i:00}.yaml"), $$$"""
                name: e{{{i:00}}}
                dataset: { path: samples.jsonl, id: id }
                model: { provider: {{{(i % 2 == 0 ? "openai" : "anthropic")}}}, name: model-{{{i % 4}}}, params: { max_tokens: 128, temperature: 0 } }
                steps:
                  - { name: answer, system: "You are number {{{i}}}.", user: "{{ sample.question }}" }
                scores:
                  - { name: accuracy, type: numeric, value: "{{ steps.answer.text }}", target: "{{ sample.answer }}" }
                """);
        }
    }

    private static async Task<(long Sent, double Seconds, long Peak, long Simulator)> RunOnceAsync(string program, string folder, JsonElement address, Process simulator)
    {
        var watch = Stopwatch.StartNew();
        using var run = Start(program, folder, address, "run", "configs", "--json", "--quiet");
        var output = run.StandardOutput.ReadToEndAsync();
        long peak = 0, simulatorPeak = 0;
        var exit = run.WaitForExitAsync();
        while (!exit.IsCompleted)
        {
            peak = Math.Max(peak, ProcessMemory.Pss(run.Id) ?? 0);
            simulatorPeak = Math.Max(simulatorPeak, ProcessMemory.Pss(simulator.Id) ?? 0);
            await Task.WhenAny(exit, Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System));
        }

        var seconds = watch.Elapsed.TotalSeconds;
        if (run.ExitCode != 0)
        {
            throw new InvalidOperationException($"`sluice run` ended with {run.ExitCode}");
        }

        using var document = JsonDocument.Parse(await output);
        return (document.RootElement.GetProperty("totals").GetProperty("sent").GetInt64(), seconds, peak, simulatorPeak);
    }

    private static Process Start(string program, string folder, JsonElement? address, params string[] args)
    {
        var isAssembly = program.EndsWith(".dll", StringComparison.Ordinal);
        var start = new ProcessStartInfo(isAssembly ? "dotnet" : program) { WorkingDirectory = folder, RedirectStandardOutput = true };
        foreach (var arg in (string[])[.. isAssembly ? (string[])["exec", program] : [], .. args])
        {
            start.ArgumentList.Add(arg);
        }

        if (address is { } urls)
        {
            start.Environment["OPENAI_BASE_URL"] = urls.GetProperty("openai_base_url").GetString();
            start.Environment["ANTHROPIC_BASE_URL"] = urls.GetProperty("anthropic_base_url").GetString();
            start.Environment["OPENAI_API_KEY"] = start.Environment["ANTHROPIC_API_KEY"] = "bench";
        }

        return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
    }
}
