namespace Sluice.Simulator.Faults;

/// <summary>Where a fault takes effect, which decides the operations a rule may name.</summary>
internal enum FaultScope
{
    /// <summary>One HTTP exchange, of any operation.</summary>
    Exchange,

    /// <summary>A download: <c>content</c> or <c>results</c>.</summary>
    Download,

    /// <summary>A batch, from the <c>create</c> that made it to its end.</summary>
    Batch,

    /// <summary>One line of a batch.</summary>
    Line,
}
