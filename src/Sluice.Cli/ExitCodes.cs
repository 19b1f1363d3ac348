namespace Sluice.Cli;

/// <summary>What the process returns. Documented in docs/commands.md; scripts rely on it.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Incomplete = 1;
    public const int Usage = 2;
    public const int Unexpected = 3;
    public const int Credentials = 4;
    public const int Memory = 5;
    public const int Pending = 8;
    public const int Interrupted = 130;
    public const int Terminated = 143;

    public static int Of(ErrorKind kind) => kind switch
    {
        ErrorKind.Usage => Usage,
        ErrorKind.Credentials => Credentials,
        ErrorKind.Memory => Memory,
        _ => Unexpected,
    };
}
