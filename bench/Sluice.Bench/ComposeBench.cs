using System.Diagnostics;
using System.Globalization;
using Sluice.Configuration;

namespace Sluice.Bench;

/// <summary>Jobs of a multirun composed per second, on one core: ten config groups, overrides, interpolations, and the experiment bound and checked.</summary>
internal static class ComposeBench
{
    private const int Groups = 10;
    private const int Options = 3;

    public static int Run(int jobs)
    {
        var folder = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            Console.WriteLine($"bench/compose: {Machine.Describe()}");
            WriteConfigs(folder);
            var context = new ConfigContext { CurrentDirectory = folder, Providers = ["openai"] };
            // What runs often is compiled well before it is measured.
            ConfigLoader.Load(Request(2_000), context);
            GC.Collect();
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var cpu = Process.GetCurrentProcess().TotalProcessorTime;
            var watch = Stopwatch.StartNew();
            var experiments = ConfigLoader.Load(Request(jobs), context);
            watch.Stop();
            cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
            var kept = (GC.GetTotalMemory(forceFullCollection: true) - before) / experiments.Count;
            Console.WriteLine($"{"ten groups",-22} {"jobs",10} {"per second",11} {"CPU µs",8}");
            Console.WriteLine($"{"compose and bind",-22} {experiments.Count,10} {experiments.Count / watch.Elapsed.TotalSeconds,11:0} {cpu.TotalMicroseconds / experiments.Count,8:0.0}");
            Console.WriteLine($"{kept} bytes kept for each experiment; working set {Environment.WorkingSet >> 20} MiB");
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ConfigRequest Request(int jobs) => new()
    {
        ConfigPath = ".",
        Multirun = true,
        Overrides = ["seed=range(" + jobs.ToString(CultureInfo.InvariantCulture) + ")", .. Enumerable.Range(0, Groups).Select(g => string.Create(CultureInfo.InvariantCulture, $"g{g}=o{g % Options}"))],
    };

    private static void WriteConfigs(string folder)
    {
        for (var group = 0; group < Groups; group++)
        {
            Directory.CreateDirectory(Path.Combine(folder, $"g{group}"));
            for (var option = 0; option < Options; option++)
            {
                File.WriteAllText(Path.Combine(folder, $"g{group}", $"o{option}.yaml"), string.Create(CultureInfo.InvariantCulture, $$"""
                    name: o{{option}}
                    weight: 1e-{{option}}
                    text: group {{group}}, option ${.name}, seed ${seed}
                    nested: { a: [1, 2, 3], b: { c: true, d: null } }
                    """));
            }
        }

        File.WriteAllText(Path.Combine(folder, "data.jsonl"), "{\"q\": \"?\"}\n");
        var defaults = string.Concat(Enumerable.Range(0, Groups).Select(g => $"  - g{g}: o0\n"));
        var prompt = string.Concat(Enumerable.Range(0, Groups).Select(g => $"${{g{g}.text}}. "));
        File.WriteAllText(Path.Combine(folder, "config.yaml"), $$$"""
            defaults:
            {{{defaults}}}  - _self_
            seed: 0
            name: job-${seed}
            dataset: data.jsonl
            model: { provider: openai, name: gpt, params: { temperature: 0, seed: "${seed}" } }
            user: "{{{prompt}}}{{ sample.q }}"
            """);
    }
}
