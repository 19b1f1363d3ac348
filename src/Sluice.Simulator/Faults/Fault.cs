namespace Sluice.Simulator.Faults;

/// <summary>One fault with its parameters; those that a kind does not take keep their defaults.</summary>
internal sealed record Fault(FaultKind Kind)
{
    /// <summary>Gets the JSON it was read from, kept with a batch so that a restart goes on with the same faults.</summary>
    public string Raw { get; init; } = "";

    public int Status { get; init; } = 500;

    public string? Message { get; init; }

    public string? Code { get; init; }

    public string? ErrorType { get; init; }

    public string? Param { get; init; }

    public long? Line { get; init; }

    public string? Body { get; init; }

    public string? ContentType { get; init; }

    public bool Html { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public string? RetryAfter { get; init; }

    public bool After { get; init; }

    public double Seconds { get; init; } = 1;

    public double Fraction { get; init; } = 0.5;

    public bool ContentLength { get; init; } = true;

    public int Gets { get; init; } = 1;

    public string State { get; init; } = "paused";

    public bool Members { get; init; }

    public int? Attempts { get; init; }

    public long? Bytes { get; init; }
}
