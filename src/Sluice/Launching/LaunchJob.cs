namespace Sluice.Launching;

/// <summary>One job of a launch.</summary>
/// <param name="Number">Its number, which it keeps.</param>
/// <param name="Key">What it is: command and overrides, as a hash.</param>
/// <param name="Name">Its overrides in one text; empty for none.</param>
/// <param name="Overrides">Its overrides.</param>
/// <param name="Command">The program and its arguments.</param>
public sealed record LaunchJob(int Number, string Key, string Name, IReadOnlyList<string> Overrides, IReadOnlyList<string> Command);
