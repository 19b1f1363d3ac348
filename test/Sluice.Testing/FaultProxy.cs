using System.Net;
using System.Net.Sockets;

namespace Sluice.Testing;

/// <summary>A TCP proxy on this machine that does to connections what no HTTP server can do to itself.</summary>
/// <remarks>It listens as soon as it is made. Disposing it resets what is open and ends everything it started.</remarks>
public sealed class FaultProxy : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly IPEndPoint _upstream;
    private readonly TimeProvider _time;
    private readonly int _seed;
    private readonly List<(ProxyLink Link, Task Life)> _links = [];
    private ToxicEntry[] _entries = [];
    private Socket _listener;
    private Task _accepting;
    private long _up;
    private long _down;
    private long _swallowed;

    /// <summary>Starts a proxy on a free port.</summary>
    /// <param name="upstream">Where it forwards to.</param>
    /// <param name="time">The clock of its delays.</param>
    /// <param name="seed">What jitter is made from.</param>
    public FaultProxy(IPEndPoint upstream, TimeProvider? time = null, int seed = 1)
    {
        _upstream = upstream;
        _time = time ?? TimeProvider.System;
        _seed = seed;
        _listener = Listen(new IPEndPoint(IPAddress.Loopback, 0));
        Endpoint = (IPEndPoint)_listener.LocalEndPoint!;
        _accepting = AcceptAsync(_listener);
    }

    /// <summary>Gets where it listens.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>Gets where it listens, for HTTP.</summary>
    public Uri Address => new($"http://{Endpoint}");

    /// <summary>Gets or sets what it does to connections; the open ones too, from their next byte on.</summary>
    /// <remarks>A toxic that stays in the list goes on counting where it was.</remarks>
    public IReadOnlyList<Toxic> Toxics
    {
        get => [.. Volatile.Read(ref _entries).Select(entry => entry.Toxic)];
        set
        {
            lock (_lock)
            {
                var before = _entries;
                Volatile.Write(ref _entries, [.. value.Select(toxic => Array.Find(before, entry => ReferenceEquals(entry.Toxic, toxic)) ?? new ToxicEntry(toxic))]);
            }
        }
    }

    /// <summary>Gets how many connections it has accepted.</summary>
    public int Connections
    {
        get
        {
            lock (_lock)
            {
                return _links.Count;
            }
        }
    }

    /// <summary>Gets how many of them are open.</summary>
    public int OpenConnections
    {
        get
        {
            lock (_lock)
            {
                return _links.Count(link => !link.Life.IsCompleted);
            }
        }
    }

    /// <summary>Gets the bytes passed on to the server.</summary>
    public long BytesUp => Interlocked.Read(ref _up);

    /// <summary>Gets the bytes passed on to clients.</summary>
    public long BytesDown => Interlocked.Read(ref _down);

    /// <summary>Gets the bytes that were read and not passed on.</summary>
    public long BytesSwallowed => Interlocked.Read(ref _swallowed);

    internal ToxicEntry[] Entries => Volatile.Read(ref _entries);

    /// <summary>Says on how many connections a toxic of the list has taken effect.</summary>
    public int HitsOf(Toxic toxic) => Array.Find(Entries, entry => ReferenceEquals(entry.Toxic, toxic))?.Hits ?? 0;

    /// <summary>Refuses connections from now on and resets the open ones.</summary>
    public async Task GoDownAsync()
    {
        _listener.Dispose();
        await _accepting;
        await CutAsync();
    }

    /// <summary>Accepts connections again, on the same port.</summary>
    public void ComeUp()
    {
        _listener = Listen(Endpoint);
        _accepting = AcceptAsync(_listener);
    }

    /// <summary>Resets the open connections and waits until they have ended.</summary>
    public async Task CutAsync()
    {
        List<(ProxyLink Link, Task Life)> links;
        lock (_lock)
        {
            links = [.. _links];
        }

        foreach (var (link, _) in links)
        {
            link.Reset();
        }

        await Task.WhenAll(links.Select(link => link.Life));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await GoDownAsync();

    internal void Count(Flow flow, long passed, long swallowed)
    {
        Interlocked.Add(ref flow == Flow.Up ? ref _up : ref _down, passed);
        Interlocked.Add(ref _swallowed, swallowed);
    }

    private static Socket Listen(IPEndPoint endpoint)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(endpoint);
            listener.Listen();
            return listener;
        }
        catch (SocketException)
        {
            listener.Dispose();
            throw;
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await listener.AcceptAsync();
            }
            catch (Exception error) when (error is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return;
            }

            lock (_lock)
            {
                var link = new ProxyLink(this, client, _links.Count + 1, _time, new Random(_seed + _links.Count));
                _links.Add((link, link.RunAsync(_upstream)));
            }
        }
    }
}
