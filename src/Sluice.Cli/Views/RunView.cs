using System.Diagnostics;
using Sluice.Dispatch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Sweeps;
using Spectre.Console;

namespace Sluice.Cli.Views;

/// <summary>Shows what a run is doing: a status line on a terminal, plain lines at milestones elsewhere. Thread-safe.</summary>
internal sealed class RunView(bool quiet, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, (Intent Intent, BatchInfo? Info)> _batches = [];
    private readonly long _started = time.GetTimestamp();
    private readonly StatusLine _line = new(quiet, time);
    private ITimer? _timer;
    private string _experiment = "";
    private long _samples;
    private long _responses;
    private long _failures;
    private long _liveAnswers;

    /// <summary>Starts showing.</summary>
    public void Start()
    {
        if (!quiet)
        {
            // Nothing for the first half second; then ten times a second on a terminal, every half minute elsewhere.
            _timer = time.CreateTimer(_ => Tick(), null, TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(Terminal.IsWatched ? 100 : 1000));
        }
    }

    /// <summary>Takes an event in.</summary>
    public void Observe(DispatchEvent e)
    {
        lock (_gate)
        {
            switch (e)
            {
                case ReplayProgress progress:
                    _experiment = progress.Plan.Experiment.Name;
                    _samples = progress.Samples;
                    break;
                case BatchChanged change:
                    var known = _batches.TryGetValue(change.Intent.Row, out var before);
                    _batches[change.Intent.Row] = (change.Intent, change.Info ?? before.Info);
                    if (change.Intent.State == IntentState.Submitted && (!known || before.Intent.State != IntentState.Submitted))
                    {
                        _line.Say($"batch {change.Intent.BatchId}: {Numbers.Count(change.Intent.Count)} requests to {change.Intent.Provider.Provider} `{change.Intent.Model}`");
                    }

                    break;
                case BatchSettled settled:
                    _batches.Remove(settled.Intent.Row);
                    _responses += settled.Report.Responses;
                    _failures += settled.Report.Failed;
                    _line.Say(Describe(settled));
                    break;
                case LiveSettled live:
                    _liveAnswers += live.Failed ? 0 : 1;
                    _failures += live.Failed ? 1 : 0;
                    break;
                case Remark remark:
                    _line.Say(remark.Text);
                    break;
                default:
                    break;
            }
        }
    }

    public void Dispose()
    {
        _timer?.Dispose();
        lock (_gate)
        {
            _line.Erase();
        }
    }

    private static string Describe(BatchSettled settled)
    {
        var (intent, report) = (settled.Intent, settled.Report);
        if (intent.State == IntentState.Refused)
        {
            return $"batch {intent.BatchId ?? intent.Id} of `{intent.Model}`: {intent.Note}";
        }

        var text = $"batch {intent.BatchId}: {Numbers.Count(report.Responses)} answers";
        text += report.Failed > 0 ? $", {Numbers.Count(report.Failed)} failed for good" : "";
        text += report.Retryable > 0 ? $", {Numbers.Count(report.Retryable)} to try again" : "";
        text += report.Missing > 0 ? $", {Numbers.Count(report.Missing)} without a result line" : "";
        text += report.Doubled > 0 ? $", {Numbers.Count(report.Doubled)} lines that say the same again" : "";
        text += report.Surplus > 0 ? $", {Numbers.Count(report.Surplus)} lines that answer nothing of it" : "";
        return report.FirstError is { } error ? $"{text} (e.g. {error})" : text;
    }

    private void Tick()
    {
        lock (_gate)
        {
            _line.Show(Status);
        }
    }

    private string Status()
    {
        var parts = new List<string> { Numbers.Age(time.GetElapsedTime(_started)) };
        if (_batches.Count > 0)
        {
            var states = _batches.Values.GroupBy(b => b.Info?.RawState ?? Word(b.Intent.State)).Select(g => $"{g.Count()} {g.Key}");
            var finished = _batches.Values.Sum(b => b.Info?.Finished ?? 0);
            var total = _batches.Values.Sum(b => (long)b.Intent.Count);
            var oldest = _batches.Values.Min(b => b.Intent.CreatedAt);
            parts.Add($"batches: {string.Join(", ", states)}; {Numbers.Count(finished)} of {Numbers.Count(total)} requests; oldest {Numbers.Age(time.GetUtcNow() - oldest)}");
        }
        else if (_experiment.Length > 0)
        {
            parts.Add($"{_experiment}: {Numbers.Count(_samples)} samples");
        }

        if (_liveAnswers > 0)
        {
            parts.Add($"{Numbers.Count(_liveAnswers)} live answers");
        }

        if (_responses > 0)
        {
            parts.Add($"{Numbers.Count(_responses)} answers");
        }

        if (_failures > 0)
        {
            parts.Add($"{Numbers.Count(_failures)} failed");
        }

        return string.Join("  ", parts);
    }

    private static string Word(IntentState state) => state switch
    {
        IntentState.Spooling => "being written",
        IntentState.Sealed => "to be uploaded",
        IntentState.Uploaded => "to be created",
        IntentState.Creating => "being created",
        IntentState.Unknown => "looked for",
        IntentState.NeedsHuman => "waiting for a decision",
        _ => "submitted",
    };
}
