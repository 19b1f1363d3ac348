using System.Net;
using System.Net.Sockets;

namespace Sluice.Simulator.Tests;

/// <summary>Sends back what it gets, and notes how much that was and how each connection ended.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _end = new();
    private readonly List<string> _endings = [];
    private readonly List<Task> _connections = [];
    private readonly Task _accepting;
    private long _received;

    public EchoServer()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    public IPEndPoint Endpoint => (IPEndPoint)_listener.LocalEndPoint!;

    public long Received => Interlocked.Read(ref _received);

    /// <summary>Gets "closed" or "reset" for each connection that has ended, in the order of the ends.</summary>
    public string Endings
    {
        get
        {
            lock (_endings)
            {
                return string.Join(" ", _endings);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _accepting;
        await Task.WhenAll(_connections);
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _connections.Add(EchoAsync(await _listener.AcceptAsync(_end.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            // The test has ended.
        }
    }

    private async Task EchoAsync(Socket socket)
    {
        using var closing = socket;
        var buffer = new byte[4096];
        var ending = "closed";
        try
        {
            int read;
            while ((read = await socket.ReceiveAsync(buffer, _end.Token)) > 0)
            {
                Interlocked.Add(ref _received, read);
                await socket.SendAsync(buffer.AsMemory(0, read), _end.Token);
            }
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionReset)
        {
            ending = "reset";
        }
        catch (OperationCanceledException)
        {
            ending = "open";
        }

        lock (_endings)
        {
            _endings.Add(ending);
        }
    }
}
