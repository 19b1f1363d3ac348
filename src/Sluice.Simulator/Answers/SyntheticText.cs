using System.Buffers;
using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace Sluice.Simulator.Answers;

/// <summary>Writes a few plausible sentences and a last line <c>A: number</c>, all decided by a hash.</summary>
internal static class SyntheticText
{
    private static readonly byte[][] Sentences =
    [
        [.. "First I read the question again and list what is given. "u8],
        [.. "The first quantity follows directly from the statement. "u8],
        [.. "We combine the two amounts before we compare them. "u8],
        [.. "The remaining part is what is left after the first step. "u8],
        [.. "Multiplying by the number of units gives the intermediate value. "u8],
        [.. "This matches the condition, so nothing has to be corrected. "u8],
        [.. "A quick check of the order of magnitude raises no doubt. "u8],
        [.. "Dividing evenly between the groups leaves no remainder. "u8],
        [.. "Now the total is the sum of the parts found so far. "u8],
        [.. "The extra detail about the colour does not matter here. "u8],
        [.. "Each step uses only the values found above. "u8],
        [.. "The last step converts the result into the unit asked for. "u8],
        [.. "If we work backwards from the result we arrive at the start. "u8],
        [.. "Half of it was already counted, so we count it once. "u8],
        [.. "Rounding is not needed because the numbers are whole. "u8],
        [.. "Putting everything together gives the answer. "u8],
    ];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Write(ulong hash, ArrayBufferWriter<byte> text)
    {
        var count = 3 + (int)(hash % 5);
        for (var sentence = 0; sentence < count; sentence++)
        {
            text.Write(Sentences[(int)(hash >> (8 + (sentence * 4))) & 15]);
        }

        text.Write("\nA: "u8);
        Utf8Formatter.TryFormat((uint)(hash >> 40) % 1000, text.GetSpan(8), out var written);
        text.Advance(written);
    }
}
