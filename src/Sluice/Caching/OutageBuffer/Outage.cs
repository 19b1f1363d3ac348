namespace Sluice.Caching.OutageBuffer;

/// <summary>Says that a store is away, says so again now and then, and says when it is back. Thread-safe.</summary>
/// <param name="store">What messages call the store.</param>
/// <param name="folder">Where answers are kept meanwhile.</param>
/// <param name="remark">Told what people should know.</param>
/// <param name="time">Tells how long it takes.</param>
internal sealed class Outage(string store, string folder, Action<string> remark, TimeProvider time)
{
    private static readonly TimeSpan Repetition = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private DateTimeOffset? _since;
    private DateTimeOffset _said;

    /// <summary>Notes that the store is away, for the first time or still.</summary>
    public void Note(string reason)
    {
        string said;
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (_since is null)
            {
                _since = now;
                said = $"{store} is away: {reason}; look-ups wait for it, and answers that arrive meanwhile are kept in {folder}";
            }
            else if (now - _said >= Repetition)
            {
                said = $"{store} is still away, for {Words(now - _since.Value)}: {reason}";
            }
            else
            {
                return;
            }

            _said = now;
        }

        remark(said);
    }

    /// <summary>Notes that the store is back and has what was kept.</summary>
    public void End(long carried)
    {
        var answers = $"{carried} {(carried == 1 ? "answer that was" : "answers that were")} kept";
        lock (_lock)
        {
            if (_since is { } since)
            {
                answers = $"{store} is back after {Words(time.GetUtcNow() - since)}{(carried == 0 ? "" : $"; {answers} meanwhile {(carried == 1 ? "is" : "are")} in it now")}";
                _since = null;
            }
            else if (carried == 0)
            {
                return;
            }
            else
            {
                answers += $" while {store} was away {(carried == 1 ? "is" : "are")} in it now";
            }
        }

        remark(answers);
    }

    /// <summary>Notes that the command ends before the store was back.</summary>
    /// <param name="places">Where there are answers that wait for it; null when none do.</param>
    public void GiveUp(string? places) => remark(places is not null
        ? $"{store} is still away: answers that were paid for stay in {places}, and the next command carries them over"
        : $"{store} is still away; no answers wait for it");

    private static string Words(TimeSpan time) => time.TotalMinutes >= 1 ? $"{(int)time.TotalMinutes} min {time.Seconds} s" : $"{(int)time.TotalSeconds} s";
}
