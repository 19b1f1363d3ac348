using Sluice.Datasets;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Dispatch.Batch;

/// <summary>Finds request bodies in a batch's spool, for those who want them stored beside the answers.</summary>
/// <remarks>Holds 16 bytes for each request of one batch, which providers bound by 100,000.</remarks>
internal sealed class SpoolBodies : IDisposable
{
    private readonly FileStream _file;
    private readonly IDialect _dialect;
    private readonly Dictionary<long, (long Offset, int Length)> _lines = [];

    private SpoolBodies(FileStream file, IDialect dialect) => (_file, _dialect) = (file, dialect);

    /// <summary>Opens a spool and notes where its lines lie.</summary>
    public static async Task<SpoolBodies> OpenAsync(string path, IDialect dialect, CancellationToken cancellationToken)
    {
        var bodies = new SpoolBodies(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous), dialect);
        try
        {
            using var lines = new LineReader(bodies._file, int.MaxValue - 1);
            for (long offset = 0; await lines.ReadAsync(cancellationToken).ConfigureAwait(false); offset += lines.Line.Length + 1)
            {
                try
                {
                    bodies._lines[Ledger.Spool.KeyOf(lines.Line.Span).Slot] = (offset, lines.Line.Length);
                }
                catch (FormatException)
                {
                    // A damaged line no longer tells its request; the answer is kept without.
                }
            }

            return bodies;
        }
        catch
        {
            bodies.Dispose();
            throw;
        }
    }

    /// <summary>Returns the body of a request, or null when the spool does not have it.</summary>
    public byte[]? Find(RequestKey key)
    {
        if (!_lines.TryGetValue(key.Slot, out var place))
        {
            return null;
        }

        var line = new byte[place.Length];
        for (int read = 0, more; read < line.Length; read += more)
        {
            more = RandomAccess.Read(_file.SafeFileHandle, line.AsSpan(read), place.Offset + read);
            if (more == 0)
            {
                return null;
            }
        }

        return Ledger.Spool.KeyOf(line) == key ? _dialect.ReadBatchInput(line).Body.ToArray() : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
