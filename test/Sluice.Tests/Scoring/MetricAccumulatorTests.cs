using CsCheck;
using Sluice.Experiments.Scoring;

namespace Sluice.Tests.Scoring;

public class MetricAccumulatorTests
{
    [Fact]
    public void Without_values_there_is_neither_mean_nor_error()
    {
        var metric = new MetricAccumulator();

        Assert.Equal((0L, null, null), (metric.Count, metric.Mean, metric.StandardError));
    }

    [Fact]
    public void One_value_is_its_own_mean_without_an_error()
    {
        var metric = new MetricAccumulator();
        metric.Add(0.7);

        Assert.Equal((1L, 0.7, null), (metric.Count, metric.Mean, metric.StandardError));
    }

    [Fact]
    public void Mean_and_standard_error_are_those_of_the_textbook()
    {
        var metric = new MetricAccumulator();
        foreach (double value in (double[])[1, 0, 1, 1])
        {
            metric.Add(value);
        }

        Assert.Equal(0.75, metric.Mean);
        Assert.Equal(0.25, metric.StandardError!.Value, 1e-15);
    }

    [Fact]
    public void A_large_common_part_does_not_swallow_the_differences()
    {
        var metric = new MetricAccumulator();
        foreach (double value in (double[])[1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])
        {
            metric.Add(value);
        }

        Assert.Equal(Math.Sqrt(30.0 / 4), metric.StandardError!.Value, 1e-9);
    }

    [Fact]
    public void The_result_is_that_of_two_passes_and_repeats_bit_for_bit() =>
        Gen.Double[-1e6, 1e6].Array[2, 200].Sample(values =>
        {
            var first = new MetricAccumulator();
            var second = new MetricAccumulator();
            foreach (double value in values)
            {
                first.Add(value);
                second.Add(value);
            }

            double mean = values.Average();
            double error = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1) / values.Length);
            Assert.Equal(mean, first.Mean!.Value, 1e-6);
            Assert.Equal(error, first.StandardError!.Value, 1e-6);
            Assert.Equal((first.Mean, first.StandardError), (second.Mean, second.StandardError));
        });

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_score_that_is_no_number_is_refused(double value) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MetricAccumulator().Add(value));
}
