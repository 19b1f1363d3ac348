using System.Security.Cryptography;
using Sluice.Requests;

namespace Sluice.Experiments;

/// <summary>The keys that earlier versions gave the requests of a step: the server's address was not part of them. Thread-safe.</summary>
/// <param name="prefix">What was hashed before the body.</param>
internal sealed class LegacyKeys(byte[] prefix)
{
    private int _isUsed;

    /// <summary>Gets what is told, once, that an answer was found under such a key.</summary>
    public Action? OnUse { get; init; }

    /// <summary>Returns the same keys with something to tell of their first use.</summary>
    public LegacyKeys Telling(Action onUse) => new(prefix) { OnUse = onUse };

    /// <summary>Returns the key of a request.</summary>
    public RequestKey KeyOf(ReadOnlySpan<byte> body, int epoch)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(prefix);
        hash.AppendData(body);
        hash.AppendData(RequestKey.Suffix(epoch));
        Span<byte> digest = stackalloc byte[RequestKey.Length];
        hash.GetHashAndReset(digest);
        return new RequestKey(digest);
    }

    /// <summary>Takes note that an answer was found.</summary>
    public void Use()
    {
        if (Interlocked.Exchange(ref _isUsed, 1) == 0)
        {
            OnUse?.Invoke();
        }
    }
}
