using System.Net;
using System.Net.Sockets;

namespace Sluice.Testing;

/// <summary>One connection through a <see cref="FaultProxy"/>.</summary>
internal sealed class ProxyLink(FaultProxy proxy, Socket client, int number, TimeProvider time, Random random)
{
    /// <summary>How many bytes are kept to find a text that comes in pieces; a request line is shorter.</summary>
    private const int MostKept = 512;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly Dictionary<ToxicEntry, Origin?> _met = [];
    private readonly HashSet<ToxicEntry> _hit = [];
    private byte[] _tail = [];
    private long _up;
    private long _down;
    private Flow _swallowing;
    private bool _limited;
    private bool _closed;

    /// <summary>Lives until both sides have closed or one is reset; an end of any kind is no error.</summary>
    public async Task RunAsync(IPEndPoint upstream)
    {
        // The accepting loop goes on at once.
        await Task.Yield();
        using (client)
        using (_server)
        using (_end)
        {
            try
            {
                client.NoDelay = true;
                await _server.ConnectAsync(upstream, _end.Token);
                await Task.WhenAll(EndTogetherAsync(PumpAsync(client, _server, Flow.Up)), EndTogetherAsync(PumpAsync(_server, client, Flow.Down)));
            }
            catch (Exception error) when (IsEnd(error))
            {
                Reset();
            }
            finally
            {
                lock (_lock)
                {
                    _closed = true;
                }
            }
        }
    }

    /// <summary>Resets both sides: closing with a linger time of zero sends RST instead of FIN.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            foreach (var socket in (Socket[])[client, _server])
            {
                socket.LingerState = new LingerOption(true, 0);
                socket.Dispose();
            }

            _end.Cancel();
        }
    }

    private static bool IsEnd(Exception error) => error is SocketException or ObjectDisposedException or OperationCanceledException;

    /// <summary>Lets a direction that breaks end the other one.</summary>
    private async Task EndTogetherAsync(Task pump)
    {
        try
        {
            await pump;
        }
        catch (Exception error) when (IsEnd(error))
        {
            Reset();
        }
    }

    private async Task PumpAsync(Socket source, Socket target, Flow flow)
    {
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await source.ReceiveAsync(buffer, SocketFlags.None, _end.Token)) > 0)
        {
            await ForwardAsync(target, buffer.AsMemory(0, read), flow);
        }

        foreach (var (entry, _) in Meet(flow, default))
        {
            if (entry.Toxic is SlowClose slow)
            {
                Hit(entry);
                await Task.Delay(slow.Delay, time, _end.Token);
            }
        }

        lock (_lock)
        {
            // Who hears nothing does not hear of a close either; but a server may know that its client has gone.
            if (!_limited && (flow == Flow.Up || !IsSwallowing(flow)))
            {
                target.Shutdown(SocketShutdown.Send);
            }
        }
    }

    private async Task ForwardAsync(Socket target, ReadOnlyMemory<byte> data, Flow flow)
    {
        var start = flow == Flow.Up ? _up : _down;
        var entries = Meet(flow, data);
        var passing = IsSwallowing(flow) ? 0 : (long)data.Length;
        ToxicEntry? ending = null;
        foreach (var (entry, origin) in entries)
        {
            if (entry.Toxic is Ending toxic && Math.Max(0, origin.Of(flow) + toxic.Bytes - start) is var left && left <= passing && (left < passing || ending is null))
            {
                (passing, ending) = (left, entry);
            }
        }

        foreach (var (entry, _) in entries)
        {
            if (entry.Toxic is Latency latency && passing > 0)
            {
                Hit(entry);
                var delay = latency.Delay + (latency.Jitter * ((2 * random.NextDouble()) - 1));
                await Task.Delay(delay > TimeSpan.Zero ? delay : TimeSpan.Zero, time, _end.Token);
            }
        }

        var passed = await SendAsync(target, data[..(int)passing], flow, entries);
        Interlocked.Add(ref flow == Flow.Up ? ref _up : ref _down, data.Length);
        proxy.Count(flow, 0, data.Length - passed);
        if (ending is not null && !IsSwallowing(flow))
        {
            Hit(ending);
            End(ending.Toxic, flow);
        }
    }

    /// <summary>Sends data in pieces no longer than the toxics allow.</summary>
    /// <returns>How many bytes went out before the other direction ended this one.</returns>
    private async Task<int> SendAsync(Socket target, ReadOnlyMemory<byte> data, Flow flow, List<(ToxicEntry Entry, Origin Origin)> entries)
    {
        var most = int.MaxValue;
        var wait = TimeSpan.Zero;
        var secondsPerByte = 0d;
        foreach (var (entry, _) in entries)
        {
            if (entry.Toxic is Slicer slicer)
            {
                Hit(entry);
                most = Math.Min(most, slicer.Bytes);
                wait += slicer.Delay;
            }
            else if (entry.Toxic is Bandwidth bandwidth)
            {
                Hit(entry);
                most = Math.Min(most, Math.Max(1, bandwidth.BytesPerSecond / 20));
                secondsPerByte += 1d / bandwidth.BytesPerSecond;
            }
        }

        var passed = 0;
        while (passed < data.Length && !IsSwallowing(flow))
        {
            int sent;
            try
            {
                sent = await target.SendAsync(data.Slice(passed, Math.Min(most, data.Length - passed)), SocketFlags.None, _end.Token);
            }
            catch (SocketException) when (_limited)
            {
                break;
            }

            passed += sent;
            proxy.Count(flow, sent, 0);
            if (wait + TimeSpan.FromSeconds(secondsPerByte * sent) is var pause && pause > TimeSpan.Zero)
            {
                await Task.Delay(pause, time, _end.Token);
            }
        }

        return passed;
    }

    private void End(Toxic toxic, Flow flow)
    {
        lock (_lock)
        {
            switch (toxic)
            {
                case ResetPeer:
                    Reset();
                    break;
                case LimitData:
                    // What still comes is read and dropped: closing with unread bytes would reset instead.
                    (_limited, _swallowing) = (true, Flow.Both);
                    client.Shutdown(SocketShutdown.Send);
                    _server.Shutdown(SocketShutdown.Send);
                    break;
                default:
                    _swallowing |= flow;
                    break;
            }
        }
    }

    private bool IsSwallowing(Flow flow)
    {
        lock (_lock)
        {
            return (_swallowing & flow) != 0;
        }
    }

    private void Hit(ToxicEntry entry)
    {
        lock (_lock)
        {
            if (_hit.Add(entry))
            {
                entry.Hit();
            }
        }
    }

    /// <summary>Finds the toxics that work on data, and notes where those begin that have not met this connection before.</summary>
    private List<(ToxicEntry Entry, Origin Origin)> Meet(Flow flow, ReadOnlyMemory<byte> data)
    {
        var working = new List<(ToxicEntry, Origin)>();
        lock (_lock)
        {
            foreach (var entry in proxy.Entries)
            {
                if (!_met.TryGetValue(entry, out var origin) && entry.IsFor(number) && OriginOf(entry, flow, data) is { } found)
                {
                    origin = entry.TryBegin() ? found : null;
                    _met.Add(entry, origin);
                }

                if (origin is not null && (entry.Toxic.Flow & flow) != 0)
                {
                    working.Add((entry, origin));
                }
            }

            if (flow == Flow.Up)
            {
                byte[] seen = [.. _tail, .. data.Span];
                _tail = seen[Math.Max(0, seen.Length - MostKept)..];
            }
        }

        return working;
    }

    /// <summary>Finds where a toxic's bytes begin to count: here, or at its text, which may have come in several pieces.</summary>
    private Origin? OriginOf(ToxicEntry entry, Flow flow, ReadOnlyMemory<byte> data)
    {
        if (entry.From is not { } text)
        {
            return new Origin(Interlocked.Read(ref _up), Interlocked.Read(ref _down));
        }

        if (flow != Flow.Up)
        {
            return null;
        }

        var kept = Math.Min(_tail.Length, text.Length - 1);
        byte[] seen = [.. _tail.AsSpan(_tail.Length - kept), .. data.Span];
        var at = seen.AsSpan().IndexOf(text);
        return at < 0 ? null : new Origin(_up - kept + at, Interlocked.Read(ref _down));
    }

    /// <summary>The bytes of both directions that came before a toxic began.</summary>
    private sealed record Origin(long Up, long Down)
    {
        public long Of(Flow flow) => flow == Flow.Up ? Up : Down;
    }
}
