using System.Text.Json;
using Sluice.Storage;

namespace Sluice.Launching;

/// <summary>What has happened to the jobs of a launch, one JSON line each, so that the next one goes on.</summary>
/// <remarks>Lines are only added. One that a crash has cut short is no line, and what it would have told is done again.</remarks>
internal sealed class LaunchJournal : IDisposable
{
    private readonly FileStream _lock;
    private readonly FileStream _file;
    private readonly TimeProvider _time;
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _noted = new(StringComparer.Ordinal);
    private readonly Dictionary<int, JournalEnd> _ends = [];
    private readonly List<(int Job, long Bytes)> _peaks = [];
    private readonly List<(int Id, ulong Start)> _leaders = [];
    private int _next;

    /// <summary>Opens the journal of a folder, for one launcher at a time.</summary>
    /// <exception cref="SluiceException">Another launcher works there.</exception>
    public LaunchJournal(string folder, TimeProvider time)
    {
        _time = time;
        PrivateFiles.CreateFolder(folder);
        _lock = Lock(Path.Combine(folder, "lock"));
        var path = Path.Combine(folder, "jobs.jsonl");
        PrivateFiles.Touch(path);
        // What it tells is synced line by line; its name is synced here.
        FolderSync.Sync(folder);
        try
        {
            foreach (var line in File.ReadLines(path))
            {
                Take(line);
            }

            _file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
            EndLine();
        }
        catch
        {
            _file?.Dispose();
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>Gets the mark of the last launcher, whose children may be left; null for none.</summary>
    public string? LastMark { get; private set; }

    /// <summary>Gets the leaders of the last launcher's jobs, by number and start.</summary>
    public IReadOnlyList<(int Id, ulong Start)> LastLeaders => _leaders;

    /// <summary>Gets the peaks of jobs that are done, in order.</summary>
    public IReadOnlyList<(int Job, long Bytes)> Peaks => _peaks;

    /// <summary>Returns the number of a job: the one it had before, or the next free one.</summary>
    public int NumberOf(string key)
    {
        if (!_numbers.TryGetValue(key, out var number))
        {
            number = _next++;
            _numbers.Add(key, number);
        }

        return number;
    }

    /// <summary>Returns how a job has ended; null when it has not.</summary>
    public JournalEnd? EndOf(int job) => _ends.GetValueOrDefault(job);

    /// <summary>Notes who works now, and the jobs that are new.</summary>
    public void Begin(string mark, IEnumerable<LaunchJob> jobs)
    {
        foreach (var job in jobs.Where(job => _noted.Add(job.Key)))
        {
            Append("job", writer =>
            {
                writer.WriteNumber("job", job.Number);
                writer.WriteString("key", job.Key);
                writer.WriteString("name", job.Name);
            });
        }

        Append("begin", writer => writer.WriteString("mark", mark));
        _file.Flush(flushToDisk: true);
    }

    /// <summary>Notes that a job was started.</summary>
    public void Started(int job, ProcessEntry leader) => Append("start", writer =>
    {
        writer.WriteNumber("job", job);
        writer.WriteNumber("leader", leader.Id);
        writer.WriteNumber("started_at", leader.Start);
    });

    /// <summary>Notes how a job has ended; it is on disk when this returns.</summary>
    public void Ended(int job, JournalEnd end)
    {
        Append("end", writer =>
        {
            writer.WriteNumber("job", job);
            writer.WriteString("outcome", JsonNamingPolicy.SnakeCaseLower.ConvertName(end.Outcome.ToString()));
            if (end.ExitCode is { } code)
            {
                writer.WriteNumber("exit_code", code);
            }

            writer.WriteNumber("peak_bytes", end.PeakBytes);
            writer.WriteNumber("seconds", Math.Round(end.Seconds, 3));
            writer.WriteString("note", end.Note);
        });
        _file.Flush(flushToDisk: true);
    }

    public void Dispose()
    {
        _file.Dispose();
        _lock.Dispose();
    }

    private static FileStream Lock(string path)
    {
        PrivateFiles.Touch(path);
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error) when (File.Exists(path))
        {
            throw new SluiceException(ErrorKind.Usage, $"another `sluice launch` works in {Path.GetDirectoryName(path)}", "wait for it, or give this one another --name", error);
        }
    }

    private void Append(string what, Action<Utf8JsonWriter> write)
    {
        using var line = new MemoryStream();
        using (var writer = new Utf8JsonWriter(line))
        {
            writer.WriteStartObject();
            writer.WriteString("event", what);
            writer.WriteString("time", _time.GetUtcNow().UtcDateTime);
            write(writer);
            writer.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        // One write, so that a crash cuts at most the last line.
        _file.Write(line.GetBuffer(), 0, (int)line.Length);
        _file.Flush();
    }

    private void Take(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            switch (root.GetProperty("event").GetString())
            {
                case "job":
                    var key = root.GetProperty("key").GetString()!;
                    _numbers[key] = root.GetProperty("job").GetInt32();
                    _noted.Add(key);
                    _next = Math.Max(_next, _numbers[key] + 1);
                    break;
                case "begin":
                    LastMark = root.GetProperty("mark").GetString();
                    _leaders.Clear();
                    break;
                case "start":
                    _leaders.Add((root.GetProperty("leader").GetInt32(), root.GetProperty("started_at").GetUInt64()));
                    break;
                case "end":
                    var end = JournalEnd.Read(root);
                    var ended = root.GetProperty("job").GetInt32();
                    _ends[ended] = end;
                    // One that has failed may have done so before it needed anything.
                    if (end.Outcome == LaunchOutcome.Done)
                    {
                        _peaks.Add((ended, end.PeakBytes));
                    }

                    break;
                default:
                    break;
            }
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // Cut short by a crash: it tells nothing.
        }
    }

    /// <summary>Goes to the end, and to a new line where the last one was cut.</summary>
    private void EndLine()
    {
        if (_file.Seek(0, SeekOrigin.End) > 0)
        {
            _file.Seek(-1, SeekOrigin.End);
            if (_file.ReadByte() != '\n')
            {
                _file.WriteByte((byte)'\n');
            }
        }
    }
}
