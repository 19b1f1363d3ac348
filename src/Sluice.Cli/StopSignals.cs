using System.Runtime.InteropServices;

namespace Sluice.Cli;

/// <summary>Turns the signals that ask a program to end into one clean stop, and leaves a later one to the system, which ends the process at once. Lives as long as the process.</summary>
internal sealed class StopSignals
{
    // GNU `timeout`, npm, `docker run` and terminals send a signal to the process and to its group: that is one wish, told twice.
    private static readonly TimeSpan OneWish = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<PosixSignalRegistration> _registrations;
    private readonly Lock _gate = new();
    private long? _asked;

    /// <summary>Begins to listen to SIGINT, SIGTERM, SIGHUP and SIGQUIT.</summary>
    public StopSignals(TimeProvider time)
    {
        _time = time;
        _registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT }.Select(signal => PosixSignalRegistration.Create(signal, Take))];
    }

    /// <summary>Gets the token that is cancelled by the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Gets whether the first signal was another one than Ctrl-C.</summary>
    public bool IsTermination { get; private set; }

    private void Take(PosixSignalContext context)
    {
        lock (_gate)
        {
            if (_asked is { } asked)
            {
                // A terminal that is closed asks for an end, but nobody is impatient.
                context.Cancel = context.Signal == PosixSignal.SIGHUP || _time.GetElapsedTime(asked) < OneWish;
                return;
            }

            _asked = _time.GetTimestamp();
            IsTermination = context.Signal != PosixSignal.SIGINT;
            context.Cancel = true;
        }

        // Continuations run elsewhere: the signal's thread must stay free for another signal. First of all, since a reader of stderr may stand still.
        Task.Run(_stop.Cancel);
        Console.Error.WriteLine("stopping: once more to leave at once");
    }
}
