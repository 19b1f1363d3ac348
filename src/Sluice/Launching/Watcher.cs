using System.Diagnostics;

namespace Sluice.Launching;

/// <summary>A small process that outlives its launcher and then kills what the launcher has left.</summary>
/// <remarks>It waits at a pipe that ends with the launcher, whatever ends it. The kernel's own signal at a parent's death reaches children, but not theirs.</remarks>
internal sealed class Watcher : IDisposable
{
    // A process may be between its start and its environment, so it is quiet only when nothing was found several times.
    private const string Script = """
        trap '' HUP INT TERM
        while read -r _; do :; done
        quiet=0
        while [ "$quiet" -lt 5 ]; do
          quiet=$((quiet + 1))
          for file in $(grep -ls "SLUICE_LAUNCH=$1:" /proc/[0-9]*/environ 2>/dev/null); do
            id=${file#/proc/}
            kill -KILL "${id%/environ}" 2>/dev/null && quiet=0
          done
          sleep 0.1
        done
        """;

    private readonly Process _process;

    /// <summary>Starts watching.</summary>
    /// <param name="mark">The launcher's mark.</param>
    /// <exception cref="SluiceException">It cannot be started.</exception>
    public Watcher(string mark) =>
        _process = ChildProcess.Start(new ProcessStartInfo("setsid", ["sh", "-c", Script, "sluice-watch", mark]) { RedirectStandardInput = true });

    /// <summary>Lets it kill what is left, and go.</summary>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.Dispose();
    }
}
