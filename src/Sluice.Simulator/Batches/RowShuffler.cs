using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Batches;

/// <summary>Rewrites a result file with its rows in another order, which is the same each time.</summary>
internal static class RowShuffler
{
    public static async Task ShuffleAsync(string path, CancellationToken cancellationToken)
    {
        var rows = new List<(long Offset, int Length)>();
        var shuffled = path + ".shuffled";
        var source = DataFiles.OpenRead(path);
        await using (source.ConfigureAwait(false))
        {
            using var lines = new LineReader(source);
            do
            {
                while (lines.TryRead(out var line))
                {
                    rows.Add((lines.LineOffset, line.Length));
                }
            }
            while (await lines.FillAsync(cancellationToken).ConfigureAwait(false));

            var target = DataFiles.Create(shuffled);
            await using var closing = target.ConfigureAwait(false);
            foreach (var (offset, length) in rows.OrderBy(row => StableHash.Mix((ulong)row.Offset)))
            {
                var row = new byte[length + 1];
                row[length] = (byte)'\n';
                source.Position = offset;
                await source.ReadExactlyAsync(row.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
                await target.WriteAsync(row, cancellationToken).ConfigureAwait(false);
            }
        }

        File.Move(shuffled, path, overwrite: true);
    }
}
