namespace Sluice.Recovery;

/// <summary>Something about a workspace that is not as it should be.</summary>
/// <param name="Subject">The file, batch or sweep it is about.</param>
/// <param name="Problem">What was found.</param>
/// <param name="Remedy">What to do about it, or what was done.</param>
/// <param name="IsRepaired">Whether it has been put right.</param>
public sealed record Finding(string Subject, string Problem, string Remedy, bool IsRepaired = false);
