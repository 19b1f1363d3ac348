namespace Sluice.Storage;

/// <summary>The order in which an index is best visited: neighbouring slots share a page.</summary>
internal static class SlotOrder
{
    /// <summary>Sorts slots, and tells at which position each one was; equal slots keep their order.</summary>
    public static void Sort(Span<long> slots, Span<int> positions)
    {
        for (var i = 0; i < positions.Length; i++)
        {
            positions[i] = i;
        }

        slots.Sort(positions);
        for (int i = 0, next; i < slots.Length; i = next)
        {
            for (next = i + 1; next < slots.Length && slots[next] == slots[i]; next++)
            {
            }

            if (next - i > 1)
            {
                positions[i..next].Sort();
            }
        }
    }
}
