using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Dispatch;

/// <summary>Notices that the first answers of a step and model in a command are all the same failure: then no more of it is sent.</summary>
/// <remarks>The first other answer ends the watch. Thread-safe; it grows with the number of experiments, steps and models.</remarks>
/// <param name="after">How many answers it takes; 0 for never.</param>
/// <param name="observe">Told when something stops.</param>
public sealed partial class FailureStop(int after, Action<DispatchEvent> observe)
{
    /// <summary>
    /// So many lines of ended batches are enough where fewer than <c>after</c> came: the first batch decides, be it small. One of a line or two
    /// decides nothing alone: a single odd request must not stop thousands of others.
    /// </summary>
    private const int LinesOfABatch = 5;

    private readonly ConcurrentDictionary<(object Owner, string Name, string Model), Watch> _watches = new();

    /// <summary>Tells whether a live request is not to be sent any more.</summary>
    /// <param name="request">The request.</param>
    /// <param name="tally">The experiment that asks.</param>
    public bool IsStopped(Request request, DispatchTally tally)
    {
        ArgumentNullException.ThrowIfNull(request);
        return after > 0 && _watches.TryGetValue(KeyOf(request, tally), out var watch) && watch.IsStopped;
    }

    /// <summary>Notes that a live request was answered.</summary>
    public void Answered(Request request, DispatchTally tally)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (after > 0)
        {
            _watches.GetOrAdd(KeyOf(request, tally), static _ => new Watch()).End();
        }
    }

    /// <summary>Notes that a live request has failed permanently.</summary>
    public void Failed(Request request, DispatchTally tally, RequestError error)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(error);
        if (after > 0 && _watches.GetOrAdd(KeyOf(request, tally), static _ => new Watch()).Add(1, Same(error), after) is { } count)
        {
            Say($"step `{request.Step}` of `{request.Route.Model}`: its first {count.ToString(CultureInfo.InvariantCulture)} answers", error, "calls");
        }
    }

    /// <summary>Tells whether batches of a model are not to be created any more.</summary>
    public bool IsStopped(string account, string api, string model) => after > 0 && _watches.TryGetValue((account, api, model), out var watch) && watch.IsStopped;

    /// <summary>Notes what an ended batch was answered with.</summary>
    /// <param name="account">Its account.</param>
    /// <param name="api">Its endpoint.</param>
    /// <param name="model">Its model.</param>
    /// <param name="report">What was found in its results.</param>
    public void Ended(string account, string api, string model, IngestReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        if (after == 0 || report.Responses + report.Failed == 0)
        {
            // Expired, cancelled, or nothing but lines that are sent again: no answer yet.
            return;
        }

        var watch = _watches.GetOrAdd((account, api, model), static _ => new Watch());
        if (report.OnlyFailure is not { } error)
        {
            watch.End();
        }
        else if (watch.Add(report.Failed, Same(error), Math.Min(after, LinesOfABatch)) is { } count)
        {
            Say($"`{model}`: the first {count.ToString(CultureInfo.InvariantCulture)} answers of its batches", error, "batches");
        }
    }

    /// <summary>Returns what is the same in errors of one kind: numbers and ids differ from request to request.</summary>
    internal static string Same(RequestError error) => Differing().Replace($"{error.Class} {error.Code} {error.Message}", "#");

    private static (object Owner, string Name, string Model) KeyOf(Request request, DispatchTally tally) => (tally, request.Step, request.Route.Model);

    private void Say(string who, RequestError error, string what) =>
        observe(new Remark($"{who} are the same failure, so no further {what} of it are made: {error}"));

    [GeneratedRegex(@"\b(?:req|request|msg|chatcmpl)[-_][A-Za-z0-9_-]+|\b[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*\b|\d+")]
    private static partial Regex Differing();

    private sealed class Watch
    {
        private readonly Lock _gate = new();
        private string? _same;
        private int _count;
        private bool _isOver;
        private volatile bool _isStopped;

        public bool IsStopped => _isStopped;

        public void End()
        {
            if (Volatile.Read(ref _isOver))
            {
                return;
            }

            lock (_gate)
            {
                _isOver = true;
            }
        }

        /// <summary>Counts failures; returns their number when that is when it stops.</summary>
        public int? Add(int count, string same, int most)
        {
            lock (_gate)
            {
                _isOver |= _same is not null && _same != same;
                if (_isOver || _isStopped)
                {
                    return null;
                }

                _same = same;
                _count += count;
                _isStopped = _count >= most;
                return _isStopped ? _count : null;
            }
        }
    }
}
