using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using Sluice.Requests;

namespace Sluice.Dispatch.Batch;

/// <summary>How a request's line ended; an answer counts for more than any failure.</summary>
internal enum LineOutcome
{
    /// <summary>No line of it has been read.</summary>
    None = 0,

    /// <summary>It failed, and another try may help.</summary>
    Retryable = 1,

    /// <summary>It failed, and another try would fail as well.</summary>
    Failed = 2,

    /// <summary>It was answered.</summary>
    Answered = 3,
}

/// <summary>What has been read of which request of one batch, so that no request is counted twice. For one thread.</summary>
/// <remarks>
/// 16 to 32 bytes a request up to 2 MiB, which is more than the largest batch of any provider needs; the array comes from a pool. Beyond that
/// it says that it does not know (<see cref="IsFull"/>). Requests are told apart by 62 bits of their key at a place that 64 others name.
/// </remarks>
internal sealed class SeenRequests : IDisposable
{
    private const int MostPlaces = 1 << 18;

    private readonly long[] _places;
    private readonly int _mask;

    /// <summary>Makes room for the requests of a batch.</summary>
    public SeenRequests(int requests)
    {
        var places = (int)Math.Min(MostPlaces, BitOperations.RoundUpToPowerOf2((uint)Math.Max(requests, 8) * 2));
        _places = ArrayPool<long>.Shared.Rent(places);
        _mask = places - 1;
        _places.AsSpan(0, places).Clear();
    }

    /// <summary>Gets how many different requests were entered.</summary>
    public int Count { get; private set; }

    /// <summary>Gets whether there was no room for one: then <see cref="Count"/> is too small.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Enters a line's outcome unless a better one is known, and returns what was known before.</summary>
    public LineOutcome Enter(RequestKey key, LineOutcome outcome)
    {
        var words = MemoryMarshal.Cast<RequestKey, long>(MemoryMarshal.CreateReadOnlySpan(in key, 1));
        var print = words[0] & ~3L;
        var place = (int)words[1] & _mask;
        while (_places[place] != 0 && (_places[place] & ~3L) != print)
        {
            place = (place + 1) & _mask;
        }

        var known = (LineOutcome)(_places[place] & 3);
        if (known == LineOutcome.None)
        {
            // A table that is too full would be searched for ever.
            if (Count >= (_mask + 1) / 4 * 3)
            {
                IsFull = true;
                return known;
            }

            Count++;
        }

        if (outcome > known && (known == LineOutcome.None || outcome == LineOutcome.Answered))
        {
            _places[place] = print | (long)outcome;
        }

        return known;
    }

    /// <inheritdoc/>
    public void Dispose() => ArrayPool<long>.Shared.Return(_places);
}
