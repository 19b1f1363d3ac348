using System.Runtime.ExceptionServices;
using Sluice.Caching;
using Sluice.Sweeps;

namespace Sluice.Cli;

/// <summary>What came of a sweep: of one that an error has ended as well, since what was paid for is told all the same.</summary>
/// <param name="Result">What was done and paid.</param>
/// <param name="Shadow">What a comparison of two stores has shown, or null when there is none.</param>
internal sealed record SweepOutcome(SweepResult Result, ShadowReport? Shadow)
{
    /// <summary>Gets the error that has ended it, or null.</summary>
    public ExceptionDispatchInfo? Error { get; init; }

    /// <summary>Gets what that error says.</summary>
    public Ending Ending { get; init; }

    /// <summary>Goes on with the error, if there is one: the command ends with it.</summary>
    public void ThrowError() => Error?.Throw();
}
