namespace Sluice.Simulator;

/// <summary>Says where a simulator listens, what it answers with and which limits it keeps.</summary>
public sealed record SimulatorOptions
{
    /// <summary>Gets the folder that holds uploaded files, batches and results; it is created when missing.</summary>
    /// <remarks>A simulator started again on the same folder goes on with the batches it finds there.</remarks>
    public required string Folder { get; init; }

    /// <summary>Gets the port on 127.0.0.1.</summary>
    /// <value>0, the default, takes a free port.</value>
    public int Port { get; init; }

    /// <summary>Gets the JSONL file of recorded answers, or null for synthetic answers only.</summary>
    /// <remarks>Each line is <c>{"model", "prompt", "completion"}</c>; a line without a model answers every model.</remarks>
    public string? RecordingsPath { get; init; }

    /// <summary>Gets what happens to a request that no recording matches.</summary>
    public MissingRecording OnMissing { get; init; } = MissingRecording.Synthesize;

    /// <summary>Gets the faults to inject, or null for none.</summary>
    public FaultScript? Faults { get; init; }

    /// <summary>Gets the least time a batch spends in progress before its lines are executed.</summary>
    public TimeSpan BatchDelay { get; init; }

    /// <summary>Gets how long a live call waits before its first byte.</summary>
    public TimeSpan LiveLatency { get; init; }

    /// <summary>Gets how many HTTP requests per second each provider answers before it says 429, or null for no limit.</summary>
    public double? RequestsPerSecond { get; init; }

    /// <summary>Gets the limits of a batch.</summary>
    public SimulatorLimits Limits { get; init; } = new();

    /// <summary>Gets the models that exist, or null when every name is one.</summary>
    public IReadOnlyCollection<string>? KnownModels { get; init; }

    /// <summary>Gets the seconds sent as <c>retry-after</c> with an Anthropic batch that is still running, or null for none.</summary>
    /// <value>0 by default, so that rehearsals are quick; the provider sends 10.</value>
    public int? PollAfterSeconds { get; init; } = 0;

    /// <summary>Gets how many batches are executed at the same time.</summary>
    public int ConcurrentBatches { get; init; } = 2;

    /// <summary>Gets whether it plays a provider, so that tests see what a real run does; by default its answers are a rehearsal's, which no real run takes for answers.</summary>
    public bool PlaysProvider { get; init; }

    /// <summary>Gets the clock of all time stamps and delays.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
