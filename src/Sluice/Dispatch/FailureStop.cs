using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Dispatch;

/// <summary>Notices that the first answers of a step and model in a command are all the same failure: then no more of it is sent.</summary>
/// <remarks>
/// Each experiment says after how many (<c>live.stop_after</c>), and is watched alone. The first other answer ends the watch.
/// Thread-safe; it grows with the number of experiments, steps and models, and of batches under way.
/// </remarks>
/// <param name="observe">Told when something stops.</param>
public sealed partial class FailureStop(Action<DispatchEvent> observe)
{
    /// <summary>
    /// So many lines of ended batches are enough where fewer came than it takes else: the first batch decides, be it small. One of a line or two
    /// decides nothing alone: a single odd request must not stop thousands of others.
    /// </summary>
    private const int LinesOfABatch = 5;

    private readonly ConcurrentDictionary<Asker, Watch> _watches = new();
    private readonly ConcurrentDictionary<long, Askers> _batches = new();

    /// <summary>Tells whether a request is not to be sent any more.</summary>
    /// <param name="request">The request.</param>
    /// <param name="tally">The experiment that asks.</param>
    public bool IsStopped(Request request, DispatchTally tally)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(tally);
        return IsStopped(new Asker(tally, request.Step, request.Route.Model));
    }

    /// <summary>Notes that a live request was answered.</summary>
    public void Answered(Request request, DispatchTally tally)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(tally);
        if (tally.Live.StopAfter > 0)
        {
            WatchOf(new Asker(tally, request.Step, request.Route.Model)).End();
        }
    }

    /// <summary>Notes that a live request has failed permanently.</summary>
    public void Failed(Request request, DispatchTally tally, RequestError error)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(error);
        ArgumentNullException.ThrowIfNull(tally);
        var asker = new Asker(tally, request.Step, request.Route.Model);
        if (tally.Live.StopAfter > 0 && WatchOf(asker).Add(1, Same(error), tally.Live.StopAfter) is { } count)
        {
            Say(asker, $"its first {count.ToString(CultureInfo.InvariantCulture)} answers", error, "calls");
        }
    }

    /// <summary>Notes who asks for a request of a batch.</summary>
    /// <param name="row">The batch's row in the ledger.</param>
    /// <param name="step">The step that asks.</param>
    /// <param name="model">The model that is asked.</param>
    /// <param name="tally">The experiment that asks.</param>
    public void Asks(long row, string step, string model, DispatchTally tally) => _batches.GetOrAdd(row, static _ => new Askers()).Add(new Asker(tally, step, model));

    /// <summary>Tells whether a batch is not to be created any more: everybody who asks for one of its requests has stopped.</summary>
    /// <remarks>One that nobody in this command has asked for is created.</remarks>
    public bool IsStopped(Intent intent)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return _batches.TryGetValue(intent.Row, out var askers) && askers.All() is { Count: > 0 } all && all.All(a => IsStopped(a.Asker));
    }

    /// <summary>Notes what an ended batch was answered with.</summary>
    /// <param name="intent">The batch.</param>
    /// <param name="report">What was found in its results.</param>
    public void Ended(Intent intent, IngestReport report)
    {
        ArgumentNullException.ThrowIfNull(intent);
        ArgumentNullException.ThrowIfNull(report);
        if (!_batches.TryRemove(intent.Row, out var askers) || report.Responses + report.Failed == 0)
        {
            // Expired, cancelled, or nothing but lines that are sent again: no answer yet.
            return;
        }

        foreach (var (asker, _, requests) in askers.All().Where(a => a.Asker.Tally.Live.StopAfter > 0))
        {
            if (report.OnlyFailure is not { } error)
            {
                // Where several ask, nobody knows here whose requests were answered: none of them is stopped by this batch or a later one.
                WatchOf(asker).End();
            }
            else if (WatchOf(asker).Add(Math.Min(report.Failed, requests), Same(error), Math.Min(asker.Tally.Live.StopAfter, LinesOfABatch)) is { } count)
            {
                Say(asker, $"the first {count.ToString(CultureInfo.InvariantCulture)} answers of its batches", error, "batches");
            }
        }
    }

    /// <summary>Returns what is the same in errors of one kind: numbers and ids differ from request to request.</summary>
    internal static string Same(RequestError error) => Differing().Replace($"{error.Class} {error.Code} {error.Message}", "#");

    private bool IsStopped(Asker asker) => _watches.TryGetValue(asker, out var watch) && watch.IsStopped;

    private Watch WatchOf(Asker asker) => _watches.GetOrAdd(asker, static _ => new Watch());

    private void Say(Asker asker, string which, RequestError error, string what) =>
        observe(new Remark($"{(asker.Step.Length > 0 ? $"step `{asker.Step}` of " : "")}`{asker.Model}`: {which} are the same failure, so no further {what} of it are made: {error}"));

    [GeneratedRegex(@"\b(?:req|request|msg|chatcmpl)[-_][A-Za-z0-9_-]+|\b[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*\b|\d+")]
    private static partial Regex Differing();

    /// <summary>A step of an experiment that asks a model.</summary>
    private readonly record struct Asker(DispatchTally Tally, string Step, string Model);

    /// <summary>Who asks for the requests of a batch, and for how many.</summary>
    private sealed class Askers
    {
        private readonly Lock _gate = new();
        private readonly List<(Asker Asker, int Replay, int Requests)> _all = [];

        /// <summary>Counts a request, once in each replay. Those of one step come one after the other, so the last one is looked at first.</summary>
        public void Add(Asker asker)
        {
            lock (_gate)
            {
                for (var i = _all.Count - 1; i >= 0; i--)
                {
                    if (_all[i].Asker == asker)
                    {
                        _all[i] = (asker, asker.Tally.Replays, asker.Tally.Replays == _all[i].Replay ? _all[i].Requests + 1 : 1);
                        return;
                    }
                }

                _all.Add((asker, asker.Tally.Replays, 1));
            }
        }

        public List<(Asker Asker, int Replay, int Requests)> All()
        {
            lock (_gate)
            {
                return [.. _all];
            }
        }
    }

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
