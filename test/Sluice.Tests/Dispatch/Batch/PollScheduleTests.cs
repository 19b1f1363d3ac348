using CsCheck;
using Sluice.Dispatch.Batch;

namespace Sluice.Tests.Dispatch.Batch;

public class PollScheduleTests
{
    private static readonly Gen<TimeSpan> s_age = Gen.Double[0, 200_000].Select(TimeSpan.FromSeconds);

    private static readonly Gen<TimeSpan?> s_asked = Gen.OneOf(Gen.Const<TimeSpan?>(() => null), Gen.Double[0, 3600].Select(s => (TimeSpan?)TimeSpan.FromSeconds(s)));

    [Theory]
    [InlineData(0, 0, null, false, 5)]
    [InlineData(100, 0, null, false, 5)]
    [InlineData(400, 0, null, false, 20)]
    [InlineData(86400, 0, null, false, 60)]
    [InlineData(0, 1, null, false, 10)]
    [InlineData(0, 3, null, false, 40)]
    [InlineData(0, 50, null, false, 300)]
    [InlineData(0, 0, 33.0, false, 33)]
    [InlineData(86400, 0, 33.0, false, 60)]
    [InlineData(0, 50, 3600.0, false, 3600)]
    [InlineData(0, 0, null, true, 0.1)]
    [InlineData(20, 0, null, true, 1)]
    [InlineData(86400, 0, null, true, 2)]
    [InlineData(0, 50, null, true, 10)]
    public void The_next_look_comes_after(double age, int failures, double? asked, bool simulator, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), PollSchedule.Next(TimeSpan.FromSeconds(age), failures, asked is { } s ? TimeSpan.FromSeconds(s) : null, simulator));

    [Fact]
    public void A_look_is_never_sooner_than_asked_or_decent_and_never_later_than_needed() =>
        Gen.Select(s_age, Gen.Int[0, 1000], s_asked, Gen.Bool).Sample((age, failures, asked, simulator) =>
        {
            TimeSpan wait = PollSchedule.Next(age, failures, asked, simulator);
            TimeSpan most = TimeSpan.FromSeconds(simulator ? 10 : 300);

            Assert.True(wait >= (simulator ? TimeSpan.FromMilliseconds(100) : TimeSpan.FromSeconds(5)));
            Assert.True(wait >= (asked ?? TimeSpan.Zero));
            Assert.True(wait <= (asked > most ? asked : most));
        }, iter: 2000);

    [Fact]
    public void Older_batches_and_more_failures_are_never_looked_at_more_often() =>
        Gen.Select(s_age, s_age, Gen.Int[0, 50], Gen.Int[1, 50], Gen.Bool).Sample((age, older, failures, more, simulator) =>
        {
            Assert.True(PollSchedule.Next(age, 0, null, simulator) <= PollSchedule.Next(age + older, 0, null, simulator));
            Assert.True(PollSchedule.Next(age, failures + 1, null, simulator) <= PollSchedule.Next(age, failures + 1 + more, null, simulator));
        }, iter: 2000);
}
