namespace Sluice.Experiments.Scoring;

/// <summary>The mean of a score over samples, and how sure it is, in constant memory.</summary>
/// <remarks>
/// By Welford's method, which does not lose digits to cancellation. The same values added in the same order give the same result,
/// bit for bit. Not synchronised.
/// </remarks>
public sealed class MetricAccumulator
{
    private double _mean;
    private double _squares;

    /// <summary>Gets the number of values.</summary>
    public long Count { get; private set; }

    /// <summary>Gets the mean; null without values.</summary>
    public double? Mean => Count == 0 ? null : _mean;

    /// <summary>Gets the standard error of the mean: the sample's standard deviation divided by the root of the count; null below two values.</summary>
    public double? StandardError => Count < 2 ? null : Math.Sqrt(_squares / (Count - 1) / Count);

    /// <summary>Adds a value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not finite.</exception>
    public void Add(double value)
    {
        if (!double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(nameof(value), value, "A score is a finite number.");
        }

        Count++;
        double difference = value - _mean;
        _mean += difference / Count;
        _squares += difference * (value - _mean);
    }
}
