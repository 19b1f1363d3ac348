namespace Sluice.Simulator.Batches;

/// <summary>What became of the lines of a batch so far.</summary>
internal readonly record struct BatchTally(long Succeeded, long Errored, long NotRun, long InputTokens, long OutputTokens, Stop Stop);
