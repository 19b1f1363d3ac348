using System.Text;

namespace Sluice.Simulator.Faults;

/// <summary>One rule of a script: when it applies, how often, and its fault.</summary>
internal sealed record FaultRule(Fault Fault, FaultScope Scope)
{
    public Api? Api { get; init; }

    public required string Operation { get; init; }

    /// <summary>Gets the text that the subject has to contain, as UTF-8.</summary>
    public byte[]? Match { get; init; }

    public string? Model { get; init; }

    /// <summary>Gets the share of the lines that the rule hits, chosen by a hash of the body, so the same ones each time.</summary>
    public double Share { get; init; } = 1;

    /// <summary>Gets how many times the rule applies; -1 is always.</summary>
    public int Times { get; init; } = 1;

    public int Skip { get; init; }

    /// <summary>Gets whether the rule is asked before the body of a request is read, not after.</summary>
    public bool ComesBeforeBody => Fault.Kind == FaultKind.Reset;

    public bool Fits(Api api, string operation) => (Api is null || Api == api) && Operation == operation;

    public bool FitsText(ReadOnlySpan<byte> model, ReadOnlySpan<byte> subject, ReadOnlySpan<byte> otherSubject) =>
        (Model is null || Encoding.UTF8.GetBytes(Model).AsSpan().SequenceEqual(model))
        && (Match is null || subject.IndexOf(Match) >= 0 || otherSubject.IndexOf(Match) >= 0);
}
