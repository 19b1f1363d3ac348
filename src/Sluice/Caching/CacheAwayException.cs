namespace Sluice.Caching;

/// <summary>A store cannot be reached, or cannot take anything, at this moment; the same call can succeed later.</summary>
/// <remarks>
/// Whether a put was stored is not known then; doing it again is harmless. Where nobody waits (<see cref="OutageBufferedCache"/>), it is an
/// error like any other for people.
/// </remarks>
public sealed class CacheAwayException : SluiceException
{
    /// <summary>Creates the error.</summary>
    /// <param name="store">What messages call the store.</param>
    /// <param name="reason">What is in the way, without the store's name.</param>
    /// <param name="inner">The cause.</param>
    public CacheAwayException(string store, string reason, Exception? inner = null)
        : base(ErrorKind.Environment, $"{store} is away: {reason}", "run the same command again when it is back: nothing that was answered is lost", inner) => Reason = reason;

    /// <summary>Says that another process has locked a store.</summary>
    internal static CacheAwayException Locked(string store, SluiceException error) => new(store, "another process has locked it", error);

    /// <summary>Gets what is in the way.</summary>
    public string Reason { get; }
}
