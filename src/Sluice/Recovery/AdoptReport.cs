namespace Sluice.Recovery;

/// <summary>What taking results over has brought.</summary>
public sealed record AdoptReport
{
    /// <summary>Gets batches of the account that were looked at.</summary>
    public int Batches { get; init; }

    /// <summary>Gets batches that are ours and have ended.</summary>
    public int Ours { get; init; }

    /// <summary>Gets batches that are ours and still under way: they are in the ledger now, and <c>run</c> collects them.</summary>
    public int UnderWay { get; init; }

    /// <summary>Gets batches that are still under way and do not say whose they are.</summary>
    public int Unclear { get; init; }

    /// <summary>Gets answers found.</summary>
    public long Responses { get; init; }

    /// <summary>Gets how many of them the cache did not have.</summary>
    public long New { get; init; }

    /// <summary>Gets lines that failed; they are sent again when they are asked for.</summary>
    public long Failed { get; init; }

    /// <summary>Gets lines that are none of ours.</summary>
    public long Others { get; init; }

    /// <summary>Gets lines that cannot be read as a result.</summary>
    public long Unreadable { get; init; }

    /// <summary>Gets result files that the provider no longer has.</summary>
    public int Gone { get; init; }

    /// <summary>Adds two reports up.</summary>
    public static AdoptReport operator +(AdoptReport left, AdoptReport right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        return new AdoptReport
        {
            Batches = left.Batches + right.Batches,
            Ours = left.Ours + right.Ours,
            UnderWay = left.UnderWay + right.UnderWay,
            Unclear = left.Unclear + right.Unclear,
            Responses = left.Responses + right.Responses,
            New = left.New + right.New,
            Failed = left.Failed + right.Failed,
            Others = left.Others + right.Others,
            Unreadable = left.Unreadable + right.Unreadable,
            Gone = left.Gone + right.Gone,
        };
    }
}
