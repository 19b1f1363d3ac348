using Sluice.Experiments.Scoring;
using Sluice.Requests;

namespace Sluice.Experiments.Replaying;

/// <summary>What a replay found. Its size does not depend on the number of samples.</summary>
public sealed class ReplaySummary
{
    private const int MaxErrors = 5;

    internal ReplaySummary(ExperimentPlan plan)
    {
        Plan = plan;
        Scores = [.. plan.Scores.Select(s => (s.Name, new MetricAccumulator()))];
        Steps = [.. plan.Steps.Select(s => new StepSummary(s.Name, s.Route))];
    }

    /// <summary>Gets the experiment.</summary>
    public ExperimentPlan Plan { get; }

    /// <summary>Gets how many samples there are, each epoch counted.</summary>
    public long Samples => Done + Failed + Pending;

    /// <summary>Gets how many are answered and scored.</summary>
    public long Done { get; internal set; }

    /// <summary>Gets how many failed for good.</summary>
    public long Failed { get; internal set; }

    /// <summary>Gets how many still lack an answer.</summary>
    public long Pending { get; internal set; }

    /// <summary>Gets how many of those have a finished line all the same: an earlier one, whose answers the cache no longer has.</summary>
    public long Kept { get; internal set; }

    /// <summary>Gets how many requests the cache answered.</summary>
    public long Hits { get; internal set; }

    /// <summary>Gets how many records the dataset reader left out.</summary>
    public long SkippedRecords { get; internal set; }

    /// <summary>Gets the metrics, over the samples that are done.</summary>
    public IReadOnlyList<(string Name, MetricAccumulator Metric)> Scores { get; }

    /// <summary>Gets tokens by step.</summary>
    public IReadOnlyList<StepSummary> Steps { get; }

    /// <summary>Gets the first few errors, each text once.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <summary>Gets what the answers cost that the results rest on, whoever paid; null when a price is not known.</summary>
    public double? CostUsd
    {
        get
        {
            double? sum = 0;
            foreach (var step in Steps)
            {
                sum += step.Route.Cost(step.Batch, batch: true) + step.Route.Cost(step.Live, batch: false);
            }

            return sum;
        }
    }

    private readonly List<string> _errors = [];

    /// <summary>Adds a sample; called in dataset order, so that sums come out the same every time.</summary>
    internal void Add(SampleRun sample)
    {
        for (var i = 0; i < sample.Answered; i++)
        {
            Steps[i].Add(sample.Answers[i]!.Usage, sample.IsBatch[i], sample.Status == SampleStatus.Failed);
        }

        switch (sample.Status)
        {
            case SampleStatus.Done:
                Done++;
                for (var i = 0; i < Scores.Count; i++)
                {
                    Scores[i].Metric.Add(sample.Scores[i]);
                }

                break;
            case SampleStatus.Failed:
                Failed++;
                if (_errors.Count < MaxErrors && !_errors.Contains(sample.Error!))
                {
                    _errors.Add(sample.Error!);
                }

                break;
            default:
                Pending++;
                break;
        }
    }
}

/// <summary>Tokens that the answers of a step used.</summary>
public sealed class StepSummary(string name, Route route)
{
    /// <summary>Gets the step's name.</summary>
    public string Name => name;

    /// <summary>Gets the step's route.</summary>
    public Route Route => route;

    /// <summary>Gets how many samples have an answer.</summary>
    public long Answered { get; private set; }

    /// <summary>Gets tokens of answers made by batches.</summary>
    public TokenUsage Batch { get; private set; }

    /// <summary>Gets tokens of answers made live.</summary>
    public TokenUsage Live { get; private set; }

    /// <summary>Gets how many of the answered samples failed at a later step.</summary>
    internal long AnsweredThenFailed { get; private set; }

    internal void Add(TokenUsage usage, bool batch, bool failed)
    {
        Answered++;
        AnsweredThenFailed += failed ? 1 : 0;
        if (batch)
        {
            Batch = new TokenUsage(Batch.Input + usage.Input, Batch.Output + usage.Output);
        }
        else
        {
            Live = new TokenUsage(Live.Input + usage.Input, Live.Output + usage.Output);
        }
    }
}
