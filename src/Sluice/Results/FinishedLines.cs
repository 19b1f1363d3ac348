using System.Text.Json;
using Sluice.Datasets;
using Sluice.Experiments;
using Sluice.Experiments.Replaying;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Results;

/// <summary>The finished lines of the results that are there: one stays for as long as the very requests it answers have no answer in the cache.</summary>
/// <remarks>
/// The file is read beside the new one, line by line; only where the two differ in their samples is an index made of it, on disk. A line of
/// other requests, such as those of an earlier prompt, does not stay. For one thread at a time.
/// </remarks>
internal sealed class FinishedLines : IDisposable
{
    private const int MaxLineBytes = 64 * 1024 * 1024;

    private readonly string _path;
    private readonly ExperimentPlan _plan;
    private readonly FileStream _file;
    private readonly LineReader _lines;
    private long _passed;
    private Index? _index;

    private FinishedLines(string path, ExperimentPlan plan)
    {
        _path = path;
        _plan = plan;
        _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.SequentialScan);
        _lines = new LineReader(_file, MaxLineBytes);
    }

    /// <summary>Opens the results of an experiment; null when there are none.</summary>
    public static FinishedLines? Open(string path, ExperimentPlan plan) => new FileInfo(path) is { Exists: true, Length: > 0 } ? new FinishedLines(path, plan) : null;

    /// <summary>Passes over samples whose new lines count, whatever there was.</summary>
    public void Pass(int samples) => _passed += samples;

    /// <summary>Returns the finished line of a sample that is pending now, line feed included, or null. The samples come in the order of the new results.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> FindAsync(SampleRun sample, CancellationToken cancellationToken)
    {
        if (_index is null)
        {
            for (; _passed > 0; _passed--)
            {
                await _lines.ReadAsync(cancellationToken).ConfigureAwait(false);
            }

            if (await _lines.ReadAsync(cancellationToken).ConfigureAwait(false) && IsOf(_lines.Line.Span, sample))
            {
                return Finished(_lines.Line, sample);
            }

            _index = await Index.MakeAsync(_path, cancellationToken).ConfigureAwait(false);
        }

        return _index.Find(sample) is { } found ? Finished(found, sample) : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _index?.Dispose();
        _lines.Dispose();
        _file.Dispose();
    }

    private ReadOnlyMemory<byte>? Finished(ReadOnlyMemory<byte> line, SampleRun sample)
    {
        // Not as one expression: its null would become an empty memory.
        if (!Answers(line, sample))
        {
            return null;
        }

        return (byte[])[.. line.Span, (byte)'\n'];
    }

    private static bool IsOf(ReadOnlySpan<byte> line, SampleRun sample)
    {
        try
        {
            return ResultHead.Read(line) is { } head && head.Sample == sample.Record.Id && head.Epoch == sample.Epoch;
        }
        catch (JsonException)
        {
            // Whatever it is, it is no line of ours.
            return false;
        }
    }

    /// <summary>Tells whether a line is done, and answers the requests that the sample asks now.</summary>
    private bool Answers(ReadOnlyMemory<byte> line, SampleRun sample)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (!root.GetProperty("status").ValueEquals("done"))
            {
                return false;
            }

            var steps = root.GetProperty("steps");
            if (steps.EnumerateObject().Count() != _plan.Steps.Count)
            {
                return false;
            }

            // The keys of later steps depend on answers that are not there.
            for (var i = 0; i <= sample.Answered && i < _plan.Steps.Count; i++)
            {
                if (!steps.TryGetProperty(_plan.Steps[i].Name, out var step) || step.GetProperty("key").GetString() != sample.Keys[i].ToString())
                {
                    return false;
                }
            }

            return true;
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Where the done lines of a file are, by sample and epoch.</summary>
    private sealed class Index : IDisposable
    {
        private readonly ScratchDatabase _database = new("CREATE TABLE lines(sample TEXT NOT NULL, epoch INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, PRIMARY KEY(sample, epoch)) WITHOUT ROWID");
        private readonly FileStream _file;
        private readonly Statement _find;

        private Index(string path)
        {
            _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
            _find = new Statement(_database.Connection, "SELECT start, length FROM lines WHERE sample=?1 AND epoch=?2");
        }

        public static async ValueTask<Index> MakeAsync(string path, CancellationToken cancellationToken)
        {
            var index = new Index(path);
            using var lines = new LineReader(index._file, MaxLineBytes);
            using var insert = new Statement(index._database.Connection, "INSERT INTO lines VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING");
            while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (Head(lines.Line.Span) is { IsDone: true } head)
                {
                    insert.Bind(1, head.Sample).Bind(2, (long)head.Epoch).Bind(3, lines.Offset).Bind(4, (long)lines.Line.Length).Run();
                }
            }

            return index;
        }

        public ReadOnlyMemory<byte>? Find(SampleRun sample)
        {
            var isThere = _find.Bind(1, sample.Record.Id).Bind(2, (long)sample.Epoch).Step();
            var (start, length) = isThere ? (_find.Integer(0), (int)_find.Integer(1)) : default;
            _find.Reset();
            if (!isThere)
            {
                return null;
            }

            var line = new byte[length];
            RandomAccess.Read(_file.SafeFileHandle, line, start);
            return line;
        }

        public void Dispose()
        {
            _find.Dispose();
            _file.Dispose();
            _database.Dispose();
        }

        private static ResultHead? Head(ReadOnlySpan<byte> line)
        {
            try
            {
                return ResultHead.Read(line);
            }
            catch (JsonException)
            {
                return null;
            }
        }
    }
}

/// <summary>How a line of results begins: whose it is, and where that sample stands.</summary>
/// <param name="Sample">The sample's id.</param>
/// <param name="Epoch">The repeat.</param>
/// <param name="IsDone">Whether every step is answered.</param>
internal readonly record struct ResultHead(string Sample, int Epoch, bool IsDone)
{
    /// <summary>Reads the first members of a line, which stand in the order in which they are written; null when they do not.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static ResultHead? Read(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        return reader.Read() && reader.TokenType == JsonTokenType.StartObject
            && IsNext(ref reader, "sample"u8, JsonTokenType.String) && reader.GetString() is { } sample
            && IsNext(ref reader, "epoch"u8, JsonTokenType.Number) && reader.TryGetInt32(out var epoch)
            && IsNext(ref reader, "status"u8, JsonTokenType.String)
            ? new ResultHead(sample, epoch, reader.ValueTextEquals("done"u8))
            : null;
    }

    private static bool IsNext(ref Utf8JsonReader reader, ReadOnlySpan<byte> name, JsonTokenType type) =>
        reader.Read() && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals(name) && reader.Read() && reader.TokenType == type;
}
