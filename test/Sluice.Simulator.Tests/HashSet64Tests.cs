using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Tests;

public sealed class HashSet64Tests
{
    [Fact]
    public void It_says_what_an_ordinary_set_says()
    {
        var random = new Random(7);
        var set = new HashSet64();
        var expected = new HashSet<ulong>();

        for (var n = 0; n < 200_000; n++)
        {
            var value = (ulong)random.NextInt64(0, 100_000);
            Assert.Equal(expected.Add(value), set.Add(value));
        }

        Assert.Equal(expected.Count, set.Count);
    }

    [Fact]
    public void The_hash_is_the_same_in_every_process_and_differs_for_near_texts()
    {
        var texts = Enumerable.Range(0, 100_000).Select(n => $"id-{n}").Append("").Append("\0").Append("\0\0");

        var hashes = texts.Select(text => StableHash.Of(System.Text.Encoding.UTF8.GetBytes(text))).ToHashSet();

        Assert.Equal(100_003, hashes.Count);
        Assert.Equal(GoldenHash, StableHash.Of("The answers of old recordings depend on it."u8));
    }

    private const ulong GoldenHash = 11284116314114980434;
}
