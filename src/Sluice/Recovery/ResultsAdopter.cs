using System.Text;
using System.Text.Json;
using Sluice.Caching;
using Sluice.Datasets;
using Sluice.Experiments;
using Sluice.Requests;
using Sluice.Storage;
using Sluice.Sweeps;

namespace Sluice.Recovery;

/// <summary>Makes cache entries again from results, whose lines say by themselves which request each answer is for.</summary>
/// <remarks>
/// Results hold what an experiment sees of an answer, text, reason of its end and tokens, and not the provider's own body. The body that is made is
/// the shortest one that reads the same; an answer of which that cannot be said is left out. What the cache has already stays.
/// </remarks>
/// <param name="cache">Where the entries go.</param>
public sealed class ResultsAdopter(IResponseCache cache)
{
    private const int MaxLineBytes = 64 * 1024 * 1024;

    /// <summary>Returns the composed configs of the experiments of a sweep that have results, in the order of their names.</summary>
    /// <exception cref="SluiceException">There is no such sweep, or it has no results.</exception>
    public static IReadOnlyList<string> ConfigsOf(Workspace workspace, string sweep)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        var configs = LostResults.ExperimentsIn(workspace, sweep).Select(name => Path.Combine(workspace.SweepFolder(sweep), name, "config.yaml")).ToList();
        return configs.Count > 0 ? configs : throw new SluiceException(
            ErrorKind.Usage, $"there are no results of a sweep `{sweep}` in {workspace.RunsFolder}", SweepManifest.Sweeps(workspace) is { Count: > 0 } sweeps ? $"there is: {string.Join(", ", sweeps)}" : "name the folder that holds runs/ with --workspace");
    }

    /// <summary>Takes in the answers of one experiment's results.</summary>
    /// <param name="plan">The experiment.</param>
    /// <param name="path">Its results.</param>
    /// <param name="cancellationToken">Ends the reading; what was stored stays.</param>
    public async Task<ResultsReport> AdoptAsync(ExperimentPlan plan, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var reading = new Reading(plan, File.GetLastWriteTimeUtc(path));
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.SequentialScan);
        await using var _ = file.ConfigureAwait(false);
        using var lines = new LineReader(file, MaxLineBytes);
        using var group = new PutGroup(cache);
        while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            foreach (var entry in reading.Read(lines.Line))
            {
                await group.AddAsync(entry, cancellationToken).ConfigureAwait(false);
            }
        }

        CrashPoint.Hit("adopt.results.before");
        await group.FinishAsync(cancellationToken).ConfigureAwait(false);
        CrashPoint.Hit("adopt.results.after");
        return reading.Report with { Answers = group.Responses, New = group.New };
    }

    private sealed class Reading(ExperimentPlan plan, DateTime madeBefore)
    {
        // Which of the two it was, the results do not tell: the experiment's own mode is the best guess, and decides at which price it is shown.
        private readonly string _source = plan.Experiment.BatchMode ? "results" : ResponseOrigin.LiveSource;

        public ResultsReport Report { get; private set; } = new();

        /// <summary>Returns the answers of a line; what cannot be made again is counted with its reason.</summary>
        public List<CacheEntry> Read(ReadOnlyMemory<byte> line)
        {
            var entries = new List<CacheEntry>(plan.Steps.Count);
            try
            {
                using var document = JsonDocument.Parse(line);
                foreach (var step in document.RootElement.GetProperty("steps").EnumerateObject())
                {
                    if (Entry(step) is { } entry)
                    {
                        entries.Add(entry);
                    }
                }

                Report = Report with { Failed = Report.Failed + (document.RootElement.GetProperty("status").ValueEquals("failed") ? 1 : 0) };
            }
            catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                LeaveOut("the line is no line of results");
            }

            return entries;
        }

        private CacheEntry? Entry(JsonProperty step)
        {
            if (plan.Steps.FirstOrDefault(s => s.Name == step.Name) is not { } asked)
            {
                return LeaveOut($"config.yaml has no step `{step.Name}`");
            }

            var value = step.Value;
            var usage = new TokenUsage(value.GetProperty("input_tokens").GetInt64(), value.GetProperty("output_tokens").GetInt64());
            var response = new Response(value.GetProperty("text").GetString() ?? "", value.GetProperty("finish").GetString() ?? "", usage);
            if (!RequestKey.TryParse(Encoding.UTF8.GetBytes(value.GetProperty("key").GetString() ?? ""), out var key))
            {
                return LeaveOut("its key is none");
            }

            var dialect = asked.Route.Provider.Dialect;
            if (dialect.Write(response) is not { } body || dialect.ReadResponse(body, usage) != response || dialect.Inspect(body) is not ({ } read, null) || read != usage)
            {
                return LeaveOut($"a body that reads as this answer cannot be written for {dialect.Endpoint}");
            }

            return new CacheEntry(key, body, usage) { Origin = new ResponseOrigin(asked.Route.Provider.Reference.Provider, asked.Route.Model, _source), CreatedAt = madeBefore };
        }

        private CacheEntry? LeaveOut(string reason)
        {
            Report = Report with { LeftOut = Report.LeftOut + 1, Reason = Report.Reason ?? reason };
            return null;
        }
    }
}

/// <summary>What taking results in has brought.</summary>
public sealed record ResultsReport
{
    /// <summary>Gets the experiments whose results were read.</summary>
    public int Experiments { get; init; }

    /// <summary>Gets answers that were made again.</summary>
    public long Answers { get; init; }

    /// <summary>Gets how many of them the cache did not have.</summary>
    public long New { get; init; }

    /// <summary>Gets answers that could not be made again.</summary>
    public long LeftOut { get; init; }

    /// <summary>Gets why the first of those could not, or null.</summary>
    public string? Reason { get; init; }

    /// <summary>Gets samples that had failed: their requests are sent again when they are asked for.</summary>
    public long Failed { get; init; }

    /// <summary>Adds two reports up.</summary>
    public static ResultsReport operator +(ResultsReport left, ResultsReport right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        return new ResultsReport
        {
            Experiments = left.Experiments + right.Experiments,
            Answers = left.Answers + right.Answers,
            New = left.New + right.New,
            LeftOut = left.LeftOut + right.LeftOut,
            Reason = left.Reason ?? right.Reason,
            Failed = left.Failed + right.Failed,
        };
    }
}
