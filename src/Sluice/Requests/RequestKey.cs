using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Sluice.Requests;

/// <summary>
/// The identity of a request: SHA-256 over <c>sluice/1</c> (with a scope: <c>sluice/1:SCOPE</c>), dialect, endpoint, canonical body and epoch, joined by line feeds.
/// </summary>
/// <remarks>
/// Neither dialect nor endpoint may hold a line feed, and a canonical body never does, so the joined form is unambiguous.
/// Golden tests pin the value: a change here would orphan every cache in the world.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
public readonly struct RequestKey : IEquatable<RequestKey>
{
    /// <summary>The length of a key in bytes.</summary>
    public const int Length = 32;

    /// <summary>The length of a key written in base64url, without padding.</summary>
    public const int TextLength = 43;

    private readonly ulong _a, _b, _c, _d;

    /// <summary>Takes the first 32 bytes of the span as a key.</summary>
    public RequestKey(ReadOnlySpan<byte> bytes) => this = MemoryMarshal.Read<RequestKey>(bytes);

    /// <summary>Computes the key of a request.</summary>
    /// <param name="dialect">The provider dialect's name.</param>
    /// <param name="endpoint">The endpoint's path.</param>
    /// <param name="canonicalBody">The body in RFC 8785 form.</param>
    /// <param name="epoch">The repeat index.</param>
    /// <param name="scope">The name that separates studies, without line feeds; null for none.</param>
    public static RequestKey Compute(string dialect, string endpoint, ReadOnlySpan<byte> canonicalBody, int epoch, string? scope = null)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Prefix(dialect, endpoint, scope));
        hash.AppendData(canonicalBody);
        hash.AppendData(Suffix(epoch));
        Span<byte> digest = stackalloc byte[Length];
        hash.GetHashAndReset(digest);
        return new RequestKey(digest);
    }

    /// <summary>Returns the dialect's name as it stands in keys: with the server behind an <c>@</c>, where one belongs to the key.</summary>
    /// <param name="dialect">The dialect's name.</param>
    /// <param name="server">The server's name or its address in normal form; null where answers do not depend on it.</param>
    internal static string DialectAt(string dialect, string? server) => server is null ? dialect : $"{dialect}@{server}";

    /// <summary>Returns what is hashed before the body.</summary>
    internal static byte[] Prefix(string dialect, string endpoint, string? scope) => Encoding.UTF8.GetBytes($"sluice/1{(scope is null ? "" : ":" + scope)}\n{dialect}\n{endpoint}\n");

    /// <summary>Returns what is hashed after the body.</summary>
    internal static byte[] Suffix(int epoch) => Encoding.UTF8.GetBytes($"\n{epoch}");

    /// <summary>Reads a key from its base64url form.</summary>
    public static bool TryParse(ReadOnlySpan<byte> utf8, out RequestKey key)
    {
        key = default;
        Span<byte> bytes = stackalloc byte[Length];
        // Not TryDecodeFromUtf8: it throws on foreign characters.
        if (utf8.Length != TextLength || Base64Url.DecodeFromUtf8(utf8, bytes, out _, out var written) != OperationStatus.Done || written != Length)
        {
            return false;
        }

        key = new RequestKey(bytes);
        return true;
    }

    /// <summary>Gets the first 8 bytes as a number: where an index looks first. Two keys may share it.</summary>
    internal long Slot => (long)_a;

    /// <summary>Writes the 32 bytes of the key.</summary>
    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    /// <summary>Writes the key's base64url form, 43 bytes.</summary>
    public void WriteText(Span<byte> destination)
    {
        Span<byte> bytes = stackalloc byte[Length];
        CopyTo(bytes);
        Base64Url.EncodeToUtf8(bytes, destination);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        CopyTo(bytes);
        return Base64Url.EncodeToString(bytes);
    }

    /// <inheritdoc/>
    public bool Equals(RequestKey other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is RequestKey other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _a.GetHashCode();

    /// <summary>Tells whether two keys are the same.</summary>
    public static bool operator ==(RequestKey left, RequestKey right) => left.Equals(right);

    /// <summary>Tells whether two keys differ.</summary>
    public static bool operator !=(RequestKey left, RequestKey right) => !left.Equals(right);
}
