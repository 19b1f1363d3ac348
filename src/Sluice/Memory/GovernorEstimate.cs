namespace Sluice.Memory;

/// <summary>What a job is expected to need, and how well that is known.</summary>
internal readonly record struct GovernorEstimate(long Bytes, GovernorGround Ground);

/// <summary>What an estimate rests on.</summary>
public enum GovernorGround
{
    /// <summary>A part of the limit, or what running jobs of its class have used so far.</summary>
    Guess,

    /// <summary>What a few ended jobs of its class have used, or its own last try.</summary>
    Learnt,

    /// <summary>What its owner says, as long as no job of its class has shown more; or what many ended jobs of its class have used.</summary>
    Sure,
}
