namespace Sluice.Dispatch.Live;

/// <summary>An answer has come, and could not be stored: it is paid for and lost.</summary>
internal sealed class UnstoredException(SluiceException cause)
    : SluiceException(cause.Kind, cause.Message, $"{Remedy(cause)}: it says how many calls under way were lost, and makes them again", cause)
{
    private static string Remedy(SluiceException cause) => cause.Hint?.Split(": ")[0] ?? "run the same command again";
}
