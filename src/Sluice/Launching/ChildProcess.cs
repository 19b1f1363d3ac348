using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Sluice.Memory;
using Sluice.Storage;

namespace Sluice.Launching;

/// <summary>One try of a job: its processes, measured and signalled together.</summary>
internal sealed class ChildProcess : IDisposable
{
    /// <summary>How often those are looked for that were started while others were signalled.</summary>
    public const int MostPasses = 20;

    // In a session of its own, so that Ctrl-C at the terminal is for the launcher alone; the log is opened by the shell, so that nothing has to copy.
    // The shell waits for a line, and does nothing when its launcher dies before.
    private const string Script = """
        read -r go || exit
        { echo "$1" >/proc/self/oom_score_adj; } 2>/dev/null
        log=$2 level=$3
        shift 3
        exec nice -n "$level" "$@" </dev/null >>"$log" 2>&1
        """;

    private static readonly TimeSpan MeasureInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan EarlyInterval = TimeSpan.FromSeconds(0.1);
    private static readonly TimeSpan Youth = TimeSpan.FromSeconds(2);

    // Measuring walks page tables: so much more time than it takes lies between two readings, but never more than the interval.
    private const int Pause = 200;

    private readonly Process _process;
    private readonly ProcessTree _tree;
    private readonly TimeProvider _time;
    private long? _measuredAt;
    private TimeSpan _serves;
    private long? _bytes;

    private ChildProcess(Process process, ProcessTree tree, TimeProvider time)
    {
        _process = process;
        _tree = tree;
        _time = time;
        StartedAt = time.GetTimestamp();
        Exit = process.WaitForExitAsync();
    }

    /// <summary>Gets the process that was started: the leader of a session.</summary>
    public ProcessEntry Leader => _tree.Leader;

    /// <summary>Gets when it was started, as the clock's timestamp.</summary>
    public long StartedAt { get; }

    /// <summary>Gets the task that ends with the leader.</summary>
    public Task Exit { get; }

    /// <summary>Gets after how long to measure it again: soon after its start, or short jobs would end unseen.</summary>
    public TimeSpan Interval => _time.GetElapsedTime(StartedAt) < Youth ? EarlyInterval : MeasureInterval;

    /// <summary>Gets the leader's exit code; 128 and the signal when it was killed.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Gets the most memory seen: of all processes together, or that one had resident.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Looks for the programs that jobs are started and watched with.</summary>
    /// <exception cref="SluiceException">One is missing.</exception>
    public static void RequirePrograms()
    {
        using var shell = Start(new ProcessStartInfo("sh", ["-c", "for name in setsid nice grep; do command -v $name >/dev/null || echo $name; done"]) { RedirectStandardOutput = true });
        var missing = shell.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (missing.Length > 0)
        {
            throw new SluiceException(ErrorKind.Environment, $"not on the PATH: {string.Join(", ", missing)}", "`launch` starts and watches jobs with `sh`, `setsid` (util-linux), `nice` and `grep`");
        }
    }

    /// <summary>Starts a shell that waits for <see cref="Go"/> and then becomes the job's program.</summary>
    /// <exception cref="SluiceException">It cannot be started.</exception>
    public static ChildProcess Start(LaunchJob job, LaunchOptions options, string mark, string log, TimeProvider time)
    {
        PrivateFiles.Touch(log);
        var start = new ProcessStartInfo("setsid", ["sh", "-c", Script, "sluice-job",
            options.OomScoreAdjustment.ToString(CultureInfo.InvariantCulture), log, options.Nice.ToString(CultureInfo.InvariantCulture), .. job.Command])
        {
            WorkingDirectory = options.WorkingFolder,
            RedirectStandardInput = true,
        };
        foreach (var name in options.ThreadsPerJob > 0 ? LaunchOptions.ThreadVariables : [])
        {
            start.Environment.TryAdd(name, options.ThreadsPerJob.ToString(CultureInfo.InvariantCulture));
        }

        var value = LaunchMark.Of(mark, job.Number);
        start.Environment[LaunchMark.Variable] = value;
        var process = Start(start);
        // One that has ended already is a leader of nobody.
        var leader = ProcessTable.Find(process.Id) ?? new ProcessEntry(process.Id, Environment.ProcessId, process.Id, 'Z', 0);
        return new ChildProcess(process, new ProcessTree(leader, $"{LaunchMark.Variable}={value}"), time);
    }

    /// <summary>Starts a program.</summary>
    /// <exception cref="SluiceException">It cannot be started.</exception>
    public static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new SluiceException(ErrorKind.Environment, $"{start.FileName} cannot be started: {error.Message}", "`setsid` (util-linux), `sh` and `nice` are needed, and processes and memory to start them", error);
        }
    }

    /// <summary>Lets the job's program begin. Before, its session has to be known to those who end it when the launcher is killed.</summary>
    public void Go()
    {
        try
        {
            _process.StandardInput.Write("go\n");
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // Somebody has killed the shell: the job has failed, and its exit code says so.
        }
    }

    /// <summary>Returns what its processes use together; a reading serves the longer, the longer it took.</summary>
    public long? Measure(IReadOnlyList<ProcessEntry> table)
    {
        if (_measuredAt is { } at && _time.GetElapsedTime(at) < _serves)
        {
            return _bytes;
        }

        _measuredAt = _time.GetTimestamp();
        _bytes = null;
        foreach (var member in _tree.Members(table))
        {
            if (ProcessMemory.Pss(member.Id) is { } bytes)
            {
                _bytes = (_bytes ?? 0) + bytes;
            }

            PeakBytes = Math.Max(PeakBytes, ProcessTable.Peak(member.Id) ?? 0);
        }

        PeakBytes = Math.Max(PeakBytes, _bytes ?? 0);
        var due = _time.GetElapsedTime(_measuredAt.Value) * Pause;
        _serves = due < EarlyInterval ? EarlyInterval : due > MeasureInterval ? MeasureInterval : due;
        return _bytes;
    }

    /// <summary>Asks all its processes to end, once. Those that are started meanwhile are not asked: e.g. the program by which the job saves its state.</summary>
    public void AskToEnd()
    {
        Signal(Signals.Terminate, passes: 1);
        // A stopped process takes the request only when it goes on.
        Signal(Signals.Continue);
    }

    /// <summary>Sends a signal to all its processes, those included that are started meanwhile.</summary>
    public void Signal(int signal) => Signal(signal, MostPasses);

    public void Dispose() => _process.Dispose();

    private void Signal(int signal, int passes)
    {
        var sent = new HashSet<(int, ulong)>();
        for (var pass = 0; pass < passes; pass++)
        {
            var isNew = false;
            foreach (var member in _tree.Members(ProcessTable.Read(), withMarked: true))
            {
                if (sent.Add((member.Id, member.Start)))
                {
                    Signals.Send(member.Id, signal);
                    isNew = true;
                }
            }

            if (!isNew)
            {
                return;
            }
        }
    }
}
