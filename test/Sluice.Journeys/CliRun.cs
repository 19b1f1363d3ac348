using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Sluice.Journeys;

/// <summary>The real program as a child process: watched, signalled, killed.</summary>
public sealed class CliRun : IAsyncDisposable
{
    public const int HangUp = 1;
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Pause = 19;

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private bool _disposed;

    private CliRun(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, e) => Keep(_output, e.Data);
        _process.ErrorDataReceived += (_, e) => Keep(_errors, e.Data);
        _process.Start();
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Gets what it has said so far on both streams.</summary>
    public string Text => Read(_output) + Read(_errors);

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Gets the most memory that it was seen to have while it was waited for, in bytes; 0 when it was not seen.</summary>
    public long PeakMemory { get; private set; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Starts the command line with arguments, in a folder, with variables that replace the surrounding ones.</summary>
    public static CliRun Start(string folder, IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        return new CliRun(Native is { } native ? Prepare(native, folder, environment, args) : Prepare("dotnet", folder, environment, ["exec", Program, .. args]));
    }

    /// <summary>Starts the build that can be killed at named points: its variables are SLUICE_CRASH_AT and SLUICE_CRASH_LOG. Skips the test where it was not made.</summary>
    public static CliRun StartCrashing(string folder, IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        var program = CrashProgram;
        Assert.SkipUnless(File.Exists(program), $"{program} is missing: `dotnet build src/Sluice.Cli -c Crash` makes it");
        return new CliRun(program.EndsWith(".dll", StringComparison.Ordinal) ? Prepare("dotnet", folder, environment, ["exec", program, .. args]) : Prepare(program, folder, environment, args));
    }

    /// <summary>Starts it below a process that buries no children; its id lands in the file <c>pid</c>.</summary>
    public static Process StartUnburied(string folder, IReadOnlyDictionary<string, string> environment, params string[] args) =>
        Process.Start(Prepare("sh", folder, environment, ["-c", "dotnet exec \"$@\" >log 2>&1 & echo $! >pid; exec sleep 300", "sh", Program, .. args]))!;

    /// <summary>Starts it from a shell that does something first, such as lowering a limit.</summary>
    public static CliRun StartAfter(string first, string folder, IReadOnlyDictionary<string, string> environment, params string[] args) =>
        new(Prepare("sh", folder, environment, ["-c", first + "; exec \"$@\"", "sh", .. Native is { } native ? (string[])[native] : ["dotnet", "exec", Program], .. args]));

    /// <summary>Starts it by way of another program, which becomes it.</summary>
    public static CliRun StartBy(IReadOnlyList<string> way, string folder, IReadOnlyDictionary<string, string> environment, params string[] args) =>
        new(Prepare(way[0], folder, environment, [.. way.Skip(1), .. Native is { } native ? (string[])[native] : ["dotnet", "exec", Program], .. args]));

    /// <summary>Ends any process as <c>kill -9</c> does.</summary>
    public static void Kill(int process) => Assert.Equal(0, Send(process, 9));

    /// <summary>Waits until it has ended; longer when it is one of many.</summary>
    public async Task<CliResult> EndAsync(int patienceInSeconds = 90)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromSeconds(patienceInSeconds));
        try
        {
            var ended = _process.WaitForExitAsync(patience.Token);
            while (await Task.WhenAny(ended, Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience.Token)) != ended)
            {
                LookAtMemory();
            }

            await ended;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"the command does not end:\n{Text}");
        }

        return new CliResult(_process.ExitCode, Read(_output), Read(_errors));
    }

    /// <summary>Reads what the kernel has counted so far: a peak between two looks is in it.</summary>
    private void LookAtMemory()
    {
        try
        {
            var line = File.ReadLines($"/proc/{_process.Id}/status").FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
            PeakMemory = line is null ? PeakMemory : Math.Max(PeakMemory, long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) * 1024);
        }
        catch (IOException)
        {
            // It has just ended, or there is no /proc: what was seen before stays.
        }
    }

    /// <summary>Waits until it has said something.</summary>
    public Task SaysAsync(string part) => Poll.UntilAsync(
        () => Text.Contains(part, StringComparison.Ordinal) || (HasExited ? throw new InvalidOperationException($"it ended without saying `{part}`:\n{Text}") : false),
        () => $"it never said `{part}`:\n{Text}");

    /// <summary>Ends it as <c>kill -9</c> does.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(Cancel);
    }

    /// <summary>Ends it as <c>kill -9</c> does, some time after its start; false when it has ended by itself before.</summary>
    public async Task<bool> KillAfterAsync(TimeSpan time)
    {
        using var timer = new CancellationTokenSource(time, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(Cancel, timer.Token);
        try
        {
            await _process.WaitForExitAsync(either.Token);
            return false;
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            await KillAsync();
            return _process.ExitCode == 128 + 9;
        }
    }

    public void Signal(int signal)
    {
        Assert.SkipWhen(Ignores(signal), $"this shell starts its background jobs deaf to signal {signal}; run the tests in the foreground");
        Assert.Equal(0, Send(_process.Id, signal));
    }

    /// <summary>POSIX shells let background jobs ignore SIGINT and SIGQUIT (POSIX.1-2024, 2.12), `nohup` SIGHUP, and their children inherit it.</summary>
    private static bool Ignores(int signal) =>
        File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").First(l => l.StartsWith("SigIgn:", StringComparison.Ordinal)) is var line
        && (Convert.ToUInt64(line[7..].Trim(), 16) & (1UL << (signal - 1))) != 0;

    /// <summary>Signals a process that may have ended in the meantime.</summary>
    public void TrySignal(int signal)
    {
        if (!_process.HasExited)
        {
            _ = Send(_process.Id, signal);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
    }

    /// <summary>Gets the native executable that test/native.sh asks to be tested instead of the built assembly.</summary>
    private static string? Native => Environment.GetEnvironmentVariable("SLUICE_PROGRAM") is { Length: > 0 } path ? path : null;

    /// <summary>Gets the build with crash points, which test.sh makes; a native one when it names one.</summary>
    private static string CrashProgram => Environment.GetEnvironmentVariable("SLUICE_CRASH_PROGRAM") is { Length: > 0 } path
        ? path
        : Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Sluice.Cli/crash/Sluice.Cli.dll"));

    private static string Program => Path.Combine(AppContext.BaseDirectory, "Sluice.Cli.dll");

    private static ProcessStartInfo Prepare(string program, string folder, IReadOnlyDictionary<string, string> environment, IEnumerable<string> args)
    {
        var start = new ProcessStartInfo(program, args)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("OPENAI_", StringComparison.Ordinal)
            || name.StartsWith("ANTHROPIC_", StringComparison.Ordinal) || name.StartsWith("SLUICE_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private static void Keep(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.Append(line).Append('\n');
            }
        }
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Send(int process, int signal);
}
