namespace Sluice.Datasets;

/// <summary>The file as a whole cannot be understood; whoever knows its path turns this into an error for people.</summary>
internal sealed class InvalidTextException(string message, string hint, Exception? inner = null) : Exception(message, inner)
{
    public string Hint { get; } = hint;
}
