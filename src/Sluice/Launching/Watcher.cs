using System.Diagnostics;

namespace Sluice.Launching;

/// <summary>A small process that outlives its launcher and then kills what the launcher has left.</summary>
/// <remarks>It waits at a pipe that ends with the launcher, whatever ends it. The kernel's own signal at a parent's death reaches children, but not theirs.</remarks>
internal sealed class Watcher : IDisposable
{
    // A process may be between its start and its environment, so it is quiet only when nothing was found several times. A program may also
    // write over its environment, as those do that change their name; it is known by its session then.
    private const string Script = """
        trap '' HUP INT TERM
        leaders=' '
        while read -r what id; do
          case $what in
            +) leaders="$leaders$id " ;;
            -) leaders="${leaders%% $id *} ${leaders#* $id }" ;;
          esac
        done
        quiet=0
        while [ "$quiet" -lt 5 ]; do
          quiet=$((quiet + 1))
          for file in $(grep -ls "SLUICE_LAUNCH=$1:" /proc/[0-9]*/environ 2>/dev/null); do
            id=${file#/proc/}
            kill -KILL "${id%/environ}" 2>/dev/null && quiet=0
          done
          for file in /proc/[0-9]*/stat; do
            read -r stat 2>/dev/null <"$file" || continue
            id=${stat%% *}
            # After the name: state, parent, group, session.
            set -- "$1" ${stat##*) }
            case $leaders in
              *" $5 "*) [ "$2" = Z ] || { kill -KILL "$id" 2>/dev/null && quiet=0; } ;;
            esac
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

    /// <summary>Tells it a session of ours.</summary>
    public void Watch(int leader) => Tell('+', leader);

    /// <summary>Tells it that a session is no longer ours: its number may become another's.</summary>
    public void Forget(int leader) => Tell('-', leader);

    /// <summary>Lets it kill what is left, and go.</summary>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.Dispose();
    }

    private void Tell(char what, int leader)
    {
        _process.StandardInput.Write(FormattableString.Invariant($"{what} {leader}\n"));
        _process.StandardInput.Flush();
    }
}
