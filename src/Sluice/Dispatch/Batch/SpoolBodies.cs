using Sluice.Datasets;
using Sluice.Providers;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Finds request bodies in a batch's spool, for those who want them stored beside the answers. For one thread.</summary>
internal sealed class SpoolBodies : IDisposable
{
    private readonly FileStream _file;
    private readonly IDialect _dialect;
    private readonly LinePlaces _places = new();

    private SpoolBodies(FileStream file, IDialect dialect) => (_file, _dialect) = (file, dialect);

    /// <summary>Opens a spool and notes where its lines stand.</summary>
    public static async Task<SpoolBodies> OpenAsync(string path, IDialect dialect, CancellationToken cancellationToken)
    {
        var bodies = new SpoolBodies(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous), dialect);
        try
        {
            using var lines = new LineReader(bodies._file, int.MaxValue - 1);
            while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                try
                {
                    bodies._places.Add(dialect.ReadBatchInput(lines.Line).CustomId.Span, lines.Offset, lines.Line.Length);
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

    /// <summary>Returns the body of a request by its custom id, or null when the spool does not have it.</summary>
    public byte[]? Find(ReadOnlySpan<byte> customId)
    {
        if (_places.Find(customId) is not var (start, length, _))
        {
            return null;
        }

        var line = new byte[length];
        _file.Position = start;
        _file.ReadExactly(line);
        return _dialect.ReadBatchInput(line).Body.ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _places.Dispose();
        _file.Dispose();
    }
}
