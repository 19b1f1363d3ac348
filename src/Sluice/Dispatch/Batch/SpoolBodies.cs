using Sluice.Datasets;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Finds requests in a batch's spool: whether it has asked for one, and with which body. For one thread; on disk, whatever the spool's size.</summary>
internal sealed class SpoolBodies : IDisposable
{
    private readonly FileStream _file;
    private readonly IDialect _dialect;
    private readonly string _intent;
    private readonly LinePlaces _places = new();

    private SpoolBodies(FileStream file, string intent, IDialect dialect) => (_file, _intent, _dialect) = (file, intent, dialect);

    /// <summary>Opens a spool and notes where its lines stand; null when it is gone or cannot be read: answers are taken over all the same.</summary>
    public static async Task<SpoolBodies?> TryOpenAsync(string path, string intent, IDialect dialect, CancellationToken cancellationToken)
    {
        SpoolBodies bodies;
        try
        {
            bodies = new SpoolBodies(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous), intent, dialect);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return null;
        }

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

    /// <summary>Tells whether the spool asks for a request.</summary>
    public bool Has(RequestKey key)
    {
        Span<byte> customId = stackalloc byte[CustomId.Length];
        CustomId.Write(_intent, key, customId);
        return _places.Find(customId) is not null;
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
