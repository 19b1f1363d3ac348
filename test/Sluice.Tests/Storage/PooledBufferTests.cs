using System.Buffers;
using CsCheck;
using Sluice.Storage;

namespace Sluice.Tests.Storage;

public sealed class PooledBufferTests
{
    [Fact]
    public void Writes_what_any_other_buffer_writes()
    {
        Gen.Select(Gen.Byte.Array[0, 300].Array[0, 30], Gen.Int[1, 64]).Sample((pieces, capacity) =>
        {
            var expected = new ArrayBufferWriter<byte>();
            using var buffer = new PooledBuffer(capacity);
            foreach (var piece in pieces)
            {
                expected.Write(piece);
                buffer.Write(piece);
            }

            Assert.Equal(expected.WrittenCount, buffer.WrittenCount);
            Assert.True(expected.WrittenSpan.SequenceEqual(buffer.WrittenSpan));
            Assert.True(expected.WrittenSpan.SequenceEqual(buffer.WrittenMemory.Span));
        });
    }

    [Fact]
    public void A_large_hint_makes_room_and_keeps_what_is_written()
    {
        using var buffer = new PooledBuffer(16);
        buffer.Write("before"u8);
        var room = buffer.GetMemory(100_000);
        Assert.True(room.Length >= 100_000);
        "after"u8.CopyTo(room.Span);
        buffer.Advance(5);
        Assert.Equal("beforeafter"u8.ToArray(), buffer.WrittenMemory.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Advance(10_000_000));
    }

    [Fact]
    public void Is_empty_and_writable_after_it_gave_its_array_back()
    {
        var buffer = new PooledBuffer(16);
        buffer.Write("first"u8);
        buffer.Dispose();
        Assert.Equal(0, buffer.WrittenCount);
        buffer.Write("second"u8);
        Assert.True(buffer.WrittenSpan.SequenceEqual("second"u8));
        buffer.Dispose();
    }
}
