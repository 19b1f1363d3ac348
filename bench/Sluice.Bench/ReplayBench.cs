using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Experiments;
using Sluice.Experiments.Replaying;
using Sluice.Pricing;
using Sluice.Providers;
using Sluice.Providers.OpenAI;
using Sluice.Requests;

namespace Sluice.Bench;

/// <summary>An answered experiment (one step, 1 KB samples, SQLite): samples per second.</summary>
internal static class ReplayBench
{
    public static async Task<int> RunAsync(int samples)
    {
        var folder = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            Console.WriteLine($"bench/replay: {Machine.Describe()}");
            var data = Path.Combine(folder, "samples.jsonl");
            SampleFile.Write(data, samples);
            using var http = new HttpClient();
            var providers = new ProviderRegistry([OpenAIProviderFactory.OpenAI], new ProviderEnvironment(name => name.EndsWith("KEY", StringComparison.Ordinal) ? "unused" : null, http, TimeProvider.System));
            var plan = ExperimentPlan.Compile([Experiment(data)], providers, PriceList.BuiltIn, TimeProvider.System.GetUtcNow())[0];
            await using var cache = new SqliteResponseCache(Path.Combine(folder, "cache.db"), TimeProvider.System);
            var filler = new FillingDispatcher(cache);
            await new Replay(plan, cache, filler, new DispatchTally()).RunAsync(null, null, CancellationToken.None);
            await filler.FlushAsync();

            Console.WriteLine($"{"round",5} {"samples",10} {"seconds",8} {"samples/s",10} {"CPU µs/sample",14} {"allocated B/sample",18} {"working set",12}");
            for (var round = 1; round <= 4; round++)
            {
                var allocated = GC.GetTotalAllocatedBytes();
                var cpu = Process.GetCurrentProcess().TotalProcessorTime;
                var watch = Stopwatch.StartNew();
                await using var results = File.Create(Path.Combine(folder, "results.jsonl"), 256 * 1024);
                var summary = await new Replay(plan, cache, new NoDispatcher(null), new DispatchTally()).RunAsync(results, null, CancellationToken.None);
                var seconds = watch.Elapsed.TotalSeconds;
                cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
                allocated = GC.GetTotalAllocatedBytes() - allocated;
                if (summary.Done != samples)
                {
                    throw new InvalidOperationException($"{summary.Done} of {samples} samples were done");
                }

                Console.WriteLine($"{round,5} {samples,10} {seconds,8:0.00} {samples / seconds,10:0} {cpu.TotalMicroseconds / samples,14:0.0} {allocated / samples,18} {Environment.WorkingSet >> 20,8} MiB");
            }

            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Experiment Experiment(string data) => new()
    {
        Name = "answered",
        Source = "bench",
        ComposedYaml = "",
        Dataset = new Datasets.DatasetOptions { Path = data, Id = "id" },
        Steps =
        [
            new StepOptions
            {
                Name = "answer",
                System = "Think step by step.",
                User = "{{ sample.question }}",
                Model = new ModelOptions { Provider = "openai", Name = "bench", Params = new JsonObject { ["max_tokens"] = 128, ["temperature"] = 0 } },
            },
        ],
        Scores = [new ScoreOptions { Name = "accuracy", Type = "numeric", Value = "{{ steps.answer.text }}", Target = "{{ sample.answer }}" }],
    };

    /// <summary>Answers everything at once, so that the cache is full.</summary>
    private sealed class FillingDispatcher(IResponseCache cache) : IDispatcher
    {
        private static readonly byte[] Body = Encoding.UTF8.GetBytes(
            """{"id":"chatcmpl-8Fh2kLq0","object":"chat.completion","created":1793000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"There are several things to add up here. First the one, then the other, and at the end both together.\nA: 42","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":240,"completion_tokens":32,"total_tokens":272,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_0123456789"}""");

        private static readonly ResponseOrigin Origin = new("openai", "bench", "batch_bench");
        private readonly List<CacheEntry> _entries = [];

        public int SamplesInFlight => 1;

        public async ValueTask<DispatchResult> DispatchAsync(Request request, DispatchTally tally, CancellationToken cancellationToken = default)
        {
            List<CacheEntry>? full = null;
            lock (_entries)
            {
                _entries.Add(new CacheEntry(request.Key, Body, new TokenUsage(240, 32)) { Origin = Origin });
                if (_entries.Count == 8192)
                {
                    full = [.. _entries];
                    _entries.Clear();
                }
            }

            if (full is not null)
            {
                await cache.PutAsync(full, cancellationToken: cancellationToken);
            }

            return DispatchResult.Pending;
        }

        public async Task FlushAsync() => await cache.PutAsync(_entries);
    }
}
