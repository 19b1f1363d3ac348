namespace Sluice.Configuration;

/// <summary>One thing that is wrong in a configuration.</summary>
/// <param name="Mark">Where it was found.</param>
/// <param name="Path">The dotted key, e.g. <c>model.params.stream</c>; may be empty.</param>
/// <param name="Message">What was found and what was expected.</param>
/// <param name="Hint">What to do about it, or null.</param>
internal sealed record ConfigMistake(SourceMark Mark, string Path, string Message, string? Hint)
{
    // Some of Hydra's messages have several lines; what to do about it then gets one of its own.
    public override string ToString() =>
        $"{Mark}: {(Path.Length == 0 ? "" : Path + ": ")}{Message.Replace("\n", "\n    ", StringComparison.Ordinal)}"
        + (Hint is null ? "" : (Message.Contains('\n', StringComparison.Ordinal) ? "\n    " : "; ") + Hint);
}
