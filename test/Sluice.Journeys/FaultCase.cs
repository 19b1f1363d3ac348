namespace Sluice.Journeys;

/// <summary>How a disturbed run has to end. In every case the last run is done, has the results of a calm day, and has paid for nothing twice but what is written down here.</summary>
/// <param name="Repeated">Answers that are paid for a second time, as documented.</param>
internal abstract record Ending(int Repeated)
{
    /// <summary>The run goes on by itself.</summary>
    public sealed record Recovers(int Repeated = 0) : Ending(Repeated);

    /// <summary>The run stops with an error for people; when the cause is gone, the same run ends well.</summary>
    public sealed record Stops(ErrorKind Kind, string Part, int Repeated = 0) : Ending(Repeated);

    /// <summary>So many samples fail for good with that message; another run sends nothing, and one that tries failed requests again ends well.</summary>
    public sealed record Fails(int Samples, string Part, int Repeated = 0) : Ending(Repeated);

    /// <summary>The run waits for an hour, as it was asked to; when it is interrupted, the same run goes on at once.</summary>
    public sealed record Waits(string? Part) : Ending(0);
}

/// <summary>One fault, where it strikes, and how a run that meets it has to end.</summary>
internal sealed record FaultCase(string Provider, string Phase, string Rules, Ending Ending)
{
    /// <summary>Gets lines of the config.</summary>
    public string Config { get; init; } = "batch: { max_requests: 3 }";

    /// <summary>Gets how long the provider works on a batch, in seconds.</summary>
    public double BatchDelay { get; init; }

    /// <summary>Gets whether the batches are cancelled once they are submitted.</summary>
    public bool IsCancelled { get; init; }

    /// <summary>Gets whether the fault makes answers that no calm day has.</summary>
    public bool HasOtherAnswers { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Provider} {Phase} {Rules} -> {Ending}";
}
