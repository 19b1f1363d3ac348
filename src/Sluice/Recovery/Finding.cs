namespace Sluice.Recovery;

/// <summary>Something about a workspace that is not as it should be.</summary>
/// <param name="Subject">The file, batch or sweep it is about.</param>
/// <param name="Problem">What was found.</param>
/// <param name="Remedy">What to do about it, or what was done.</param>
/// <param name="IsRepaired">Whether it has been put right.</param>
public sealed record Finding(string Subject, string Problem, string Remedy, bool IsRepaired = false)
{
    /// <summary>Gets whether it needs nothing to be done: it comes right by itself.</summary>
    public bool IsHarmless { get; init; }

    /// <summary>Gets whether something is left to do.</summary>
    public bool IsToDo => !IsRepaired && !IsHarmless;

    /// <summary>A file of which nobody can tell whether it is sound: it is left alone.</summary>
    internal static Finding CannotLook(string path, SluiceException error) =>
        new(path, $"cannot be looked at: {error.Message}", $"{error.Hint ?? "check the disk and the file's permissions"}; then look again. It is left as it is");
}
