using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Sluice.Testing;

/// <summary>A redis-server of the test's own: on a free port, with a folder of its own and an append-only file that holds whatever was acknowledged.</summary>
public sealed class RedisServer : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-redis-").FullName;
    private readonly string[] _settings;
    private Process? _process;
    // Kept, so that nobody collects it while it reads.
    private Task? _rest;

    /// <param name="settings">More of its command line, e.g. <c>--requirepass secret</c>.</param>
    public RedisServer(params string[] settings)
    {
        _settings = settings;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        Start();
    }

    /// <summary>What people have to do where it is not installed.</summary>
    public const string Advice = "there is no redis-server: install Debian's package `redis-server`";

    /// <summary>Gets whether the machine has it.</summary>
    public static bool IsInstalled { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "redis-server")));

    /// <summary>Gets where it listens, on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>Gets its address.</summary>
    public string Url => $"redis://127.0.0.1:{Port}/0";

    /// <summary>Starts it, with what its append-only file holds, and returns when it is ready.</summary>
    public void Start()
    {
        string port = Port.ToString(CultureInfo.InvariantCulture);
        string[] tls = [.. _settings.Contains("--tls-port") ? (string[])["--port", "0", "--tls-port", port] : ["--port", port]];
        var start = new ProcessStartInfo("redis-server", [.. tls, "--bind", "127.0.0.1", "--dir", _folder, "--appendonly", "yes", "--appendfsync", "always", "--save", "", .. _settings.Where(s => s != "--tls-port")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        var said = new List<string>();
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            said.Add(line);
            if (line.Contains("Ready to accept connections", StringComparison.Ordinal))
            {
                // What it says later must not fill the pipe.
                _rest = Task.WhenAll(_process.StandardOutput.ReadToEndAsync(), _process.StandardError.ReadToEndAsync());
                return;
            }
        }

        Dispose();
        throw new InvalidOperationException($"redis-server did not start:\n{string.Join('\n', said)}");
    }

    /// <summary>Ends it without a warning.</summary>
    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Lets it stand still: connections stay open and nothing is answered.</summary>
    public void Pause() => Signal("-STOP");

    /// <summary>Lets it go on.</summary>
    public void Resume() => Signal("-CONT");

    public void Dispose()
    {
        if (_process is not null)
        {
            Kill();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", [name, _process!.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        if (kill.ExitCode != 0)
        {
            throw new InvalidOperationException($"kill {name} ended with {kill.ExitCode}");
        }
    }
}
