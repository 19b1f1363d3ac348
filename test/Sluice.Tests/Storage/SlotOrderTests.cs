using CsCheck;
using Sluice.Storage;

namespace Sluice.Tests.Storage;

public sealed class SlotOrderTests
{
    [Fact]
    public void It_is_a_stable_sort() =>
        Gen.OneOf(Gen.Long[-3, 3], Gen.Long).Array[0, 200].Sample(slots =>
        {
            var sorted = slots.ToArray();
            var positions = new int[slots.Length];
            SlotOrder.Sort(sorted, positions);
            var expected = slots.Index().OrderBy(s => s.Item).ToList();
            Assert.Equal(expected.Select(s => s.Index), positions);
            Assert.Equal(expected.Select(s => s.Item), sorted);
        });
}
