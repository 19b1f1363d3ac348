namespace Sluice.Configuration.Interpolation;

/// <summary>Tells one time, the local one of the first question, so that all jobs of a sweep get the same.</summary>
internal sealed class SweepClock(TimeProvider time)
{
    private readonly Lazy<DateTimeOffset> _now = new(time.GetLocalNow);

    public DateTimeOffset Now => _now.Value;
}
