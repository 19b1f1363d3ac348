using Sluice.Storage;

namespace Sluice.Cli;

/// <summary>How an error ends a command: what it says, and what it returns.</summary>
/// <param name="Message">What has happened.</param>
/// <param name="Hint">What to do about it; null when the message says it.</param>
/// <param name="Code">The exit code.</param>
internal readonly record struct Ending(string Message, string? Hint, int Code)
{
    /// <summary>Returns how an error ends the command.</summary>
    /// <param name="error">The error.</param>
    /// <param name="stop">What a signal cancels.</param>
    public static Ending Of(Exception error, CancellationToken stop)
    {
        switch (error)
        {
            case SluiceException known:
                return new Ending(known.Message, known.Hint, ExitCodes.Of(known.Kind));
            case OperationCanceledException when stop.IsCancellationRequested:
                return new Ending("stopped", "run the same command again to go on", ExitCodes.Interrupted);
            case IOException or UnauthorizedAccessException:
                var trouble = DiskTrouble.Explain(error);
                return new Ending(trouble?.Message ?? error.Message, trouble?.Hint ?? "check the disk and the folder's permissions, then run the same command again", ExitCodes.Unexpected);
            default:
                return new Ending(
                    $"unexpected: {error.GetType().Name}: {error.Message}", "this is a bug: please report it with the output of the same command and --verbose", ExitCodes.Unexpected);
        }
    }
}
