using CsCheck;
using Sluice.Dispatch.Batch;

namespace Sluice.Tests.Dispatch.Batch;

public class PackingTests
{
    [Theory]
    [InlineData(0, 0, new int[0], 10, 100, 0)]
    [InlineData(0, 0, new[] { 10, 10, 10 }, 10, 100, 3)]
    [InlineData(0, 0, new[] { 10, 10, 10 }, 2, 100, 2)]
    [InlineData(0, 0, new[] { 50, 50, 1 }, 10, 100, 2)]
    [InlineData(0, 0, new[] { 50, 51, 1 }, 10, 100, 1)]
    [InlineData(0, 0, new[] { 101 }, 10, 100, 0)]
    [InlineData(9, 0, new[] { 1, 1 }, 10, 100, 1)]
    [InlineData(10, 0, new[] { 1 }, 10, 100, 0)]
    [InlineData(1, 95, new[] { 5, 1 }, 10, 100, 1)]
    [InlineData(1, 100, new[] { 1 }, 10, 100, 0)]
    [InlineData(5, 9_000_000_000, new[] { int.MaxValue, int.MaxValue }, 10, 13_294_967_294, 2)]
    public void Lines_fit_up_to_both_limits_and_not_beyond(int count, long bytes, int[] lines, int maxCount, long maxBytes, int expected) =>
        Assert.Equal(expected, Packing.Fitting(count, bytes, lines, maxCount, maxBytes));

    [Fact]
    public void Batches_stay_within_the_limits_hold_every_line_in_order_and_could_not_hold_one_more() =>
        Gen.Select(Gen.Int[1, 60].Array[0, 80], Gen.Int[1, 12], Gen.Int[60, 300]).Sample((lines, maxCount, maxBytes) =>
        {
            var batches = new List<int[]>();
            for (int done = 0; done < lines.Length;)
            {
                int fitting = Packing.Fitting(0, 0, lines.AsSpan(done), maxCount, maxBytes);
                Assert.InRange(fitting, 1, lines.Length - done);
                batches.Add(lines[done..(done + fitting)]);
                done += fitting;
            }

            Assert.Equal(lines, batches.SelectMany(b => b));
            Assert.All(batches, b => Assert.True(b.Length <= maxCount && b.Sum() <= maxBytes));
            Assert.All(batches.Zip(batches.Skip(1)), pair => Assert.True(pair.First.Length == maxCount || pair.First.Sum() + pair.Second[0] > maxBytes));
        }, iter: 2000);

    [Fact]
    public void It_does_not_matter_in_how_many_pieces_lines_arrive() =>
        Gen.Select(Gen.Int[1, 60].Array[1, 40], Gen.Int[0, 40], Gen.Int[1, 12], Gen.Int[60, 300]).Sample((lines, cut, maxCount, maxBytes) =>
        {
            int whole = Packing.Fitting(0, 0, lines, maxCount, maxBytes);
            cut = Math.Min(cut, lines.Length);
            int first = Packing.Fitting(0, 0, lines.AsSpan(0, cut), maxCount, maxBytes);
            int rest = first < cut ? 0 : Packing.Fitting(first, lines[..first].Sum(), lines.AsSpan(cut), maxCount, maxBytes);

            Assert.Equal(whole, first + rest);
        }, iter: 2000);
}
