using System.Text;

namespace Sluice.Testing;

/// <summary>A toxic in use, with what it has done so far.</summary>
internal sealed class ToxicEntry(Toxic toxic)
{
    private int _begun;
    private int _hits;

    public Toxic Toxic => toxic;

    /// <summary>Gets the text to wait for, as it is on the wire.</summary>
    public byte[]? From { get; } = toxic.From is { } text ? Encoding.ASCII.GetBytes(text) : null;

    public int Hits => Volatile.Read(ref _hits);

    public bool IsFor(int connection) => toxic.Connections is null || toxic.Connections.Contains(connection);

    /// <summary>Takes one of the connections it may begin on.</summary>
    public bool TryBegin()
    {
        // Past the limit the count goes on, but it never says yes again.
        return Volatile.Read(ref _begun) < toxic.Times && Interlocked.Increment(ref _begun) <= toxic.Times;
    }

    public void Hit() => Interlocked.Increment(ref _hits);
}
