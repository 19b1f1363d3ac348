using System.Net;
using System.Net.Sockets;
using System.Text;
using Sluice.Testing;

namespace Sluice.Simulator.Tests;

public sealed class FaultProxyTests : SimulatorTest
{
    [Fact]
    public async Task Without_toxics_everything_passes_and_is_counted()
    {
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint);
        var sent = Bytes(100_000);
        using (var client = await ConnectAsync(proxy))
        {
            await SendAsync(client, sent);
            Assert.Equal(sent, await ReceiveAsync(client, sent.Length));
            Assert.Equal((1, 1), (proxy.Connections, proxy.OpenConnections));
        }

        await UntilAsync(() => proxy.OpenConnections == 0 && echo.Endings == "closed");
        Assert.Equal((100_000, 100_000, 0), (proxy.BytesUp, proxy.BytesDown, proxy.BytesSwallowed));
    }

    [Fact]
    public async Task Latency_holds_each_piece_back_a_little_more_or_less()
    {
        var time = new RecordingTime();
        var latency = new Latency(TimeSpan.FromSeconds(10)) { Jitter = TimeSpan.FromSeconds(2), Flow = Flow.Down };
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint, time) { Toxics = [latency] };
        using var client = await ConnectAsync(proxy);
        for (var n = 0; n < 10; n++)
        {
            await SendAsync(client, [1]);
            await ReceiveAsync(client, 1);
        }

        Assert.Equal((10, 10), (time.Waits.Length, time.Waits.Distinct().Count()));
        Assert.All(time.Waits, wait => Assert.InRange(wait.TotalSeconds, 8, 12));
        time.Hold();
        await SendAsync(client, [1]);
        await UntilAsync(() => time.Waits.Length == 11);
        Assert.Equal(10, proxy.BytesDown);
        time.Release();
        await ReceiveAsync(client, 1);
        Assert.Equal(1, proxy.HitsOf(latency));
    }

    [Theory]
    [InlineData(Flow.Up)]
    [InlineData(Flow.Down)]
    public async Task A_bandwidth_makes_bytes_take_their_time(Flow flow)
    {
        var time = new RecordingTime();
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint, time) { Toxics = [new Bandwidth(1000) { Flow = flow }] };
        using var client = await ConnectAsync(proxy);
        var sent = Bytes(5000);

        await SendAsync(client, sent);
        Assert.Equal(sent, await ReceiveAsync(client, sent.Length));

        await UntilAsync(() => Math.Abs(5 - time.Waits.Sum(wait => wait.TotalSeconds)) < 0.001);
        Assert.InRange(time.Waits.Length, 100, 5000);
    }

    [Fact]
    public async Task A_slicer_sends_tiny_pieces_with_a_wait_after_each()
    {
        var time = new RecordingTime();
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint, time) { Toxics = [new Slicer(7) { Delay = TimeSpan.FromSeconds(3), Flow = Flow.Up }] };
        using var client = await ConnectAsync(proxy);
        var sent = Bytes(100);
        time.Hold();

        await SendAsync(client, sent);
        Assert.Equal(sent[..7], await ReceiveAsync(client, 7));
        await UntilAsync(() => time.Waits.Length == 1);
        Assert.Equal(7, proxy.BytesUp);
        time.Release();
        Assert.Equal(sent[7..], await ReceiveAsync(client, 93));

        await UntilAsync(() => time.Waits.Length == 15);
        Assert.All(time.Waits, wait => Assert.Equal(3, wait.TotalSeconds));
    }

    [Theory]
    [InlineData(Flow.Up, 10)]
    [InlineData(Flow.Up, 0)]
    [InlineData(Flow.Down, 10)]
    [InlineData(Flow.Down, 0)]
    public async Task Limited_data_ends_in_an_orderly_close(Flow flow, int limit)
    {
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint) { Toxics = [new LimitData(limit) { Flow = flow }] };
        using (var client = await ConnectAsync(proxy))
        {
            await SendAsync(client, Bytes(20));

            // An echo that comes after the close up is dropped with it.
            var back = await ReceiveToEndAsync(client);
            Assert.InRange(back.Length, flow == Flow.Up ? 0 : limit, limit);
            await SendAsync(client, Bytes(5));
        }

        await UntilAsync(() => echo.Endings == "closed" && proxy.OpenConnections == 0);
        Assert.Equal((limit, flow == Flow.Up ? limit : 20), (flow == Flow.Up ? proxy.BytesUp : proxy.BytesDown, echo.Received));
    }

    [Theory]
    [InlineData(Flow.Up, 10)]
    [InlineData(Flow.Up, 0)]
    [InlineData(Flow.Down, 10)]
    [InlineData(Flow.Down, 0)]
    public async Task A_reset_is_one_for_both_sides(Flow flow, int after)
    {
        var reset = new ResetPeer(after) { Flow = flow, Times = 1 };
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint) { Toxics = [reset] };
        using var client = await ConnectAsync(proxy);
        await SendAsync(client, Bytes(20));

        var error = await Assert.ThrowsAsync<SocketException>(() => ReceiveToEndAsync(client));

        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
        await UntilAsync(() => echo.Endings == "reset");
        Assert.Equal((after, 1), (flow == Flow.Up ? proxy.BytesUp : proxy.BytesDown, proxy.HitsOf(reset)));
        using var next = await ConnectAsync(proxy);
        await SendAsync(next, Bytes(20));
        await ReceiveAsync(next, 20);
    }

    [Theory]
    [InlineData(Flow.Up, 0)]
    [InlineData(Flow.Down, 20)]
    public async Task A_swallowed_call_is_never_answered_and_stays_open(Flow flow, int heard)
    {
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint) { Toxics = [new Swallow { Flow = flow }] };
        using var client = await ConnectAsync(proxy);
        using var other = await ConnectAsync(proxy);
        var answer = ReceiveAsync(client, 1);
        await SendAsync(client, Bytes(20));
        await SendAsync(other, Bytes(20));

        await UntilAsync(() => proxy.BytesSwallowed == 40);
        Assert.Equal((2 * heard, false, 2), (echo.Received, answer.IsCompleted, proxy.OpenConnections));
        other.Close();
        await UntilAsync(() => proxy.OpenConnections == 1);
        await proxy.CutAsync();

        var error = await Assert.ThrowsAsync<SocketException>(() => answer);
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    [Fact]
    public async Task A_slow_close_is_passed_on_late()
    {
        var time = new RecordingTime();
        time.Hold();
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint, time) { Toxics = [new SlowClose(TimeSpan.FromSeconds(9)) { Flow = Flow.Up }] };
        using var client = await ConnectAsync(proxy);
        await SendAsync(client, Bytes(20));
        await ReceiveAsync(client, 20);

        client.Shutdown(SocketShutdown.Send);
        await UntilAsync(() => time.Waits.Length == 1);
        Assert.Equal(("", TimeSpan.FromSeconds(9)), (echo.Endings, time.Waits[0]));
        time.Release();

        await UntilAsync(() => echo.Endings == "closed");
        Assert.Empty(await ReceiveToEndAsync(client));
    }

    [Fact]
    public async Task Down_refuses_new_connections_and_resets_old_ones_until_it_comes_up_again()
    {
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint);
        using var client = await ConnectAsync(proxy);
        await SendAsync(client, [1]);
        await ReceiveAsync(client, 1);

        await proxy.GoDownAsync();
        var reset = await Assert.ThrowsAsync<SocketException>(() => ReceiveAsync(client, 1));
        var refused = await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(proxy));
        Assert.Equal((SocketError.ConnectionReset, SocketError.ConnectionRefused), (reset.SocketErrorCode, refused.SocketErrorCode));
        proxy.ComeUp();

        using var next = await ConnectAsync(proxy);
        await SendAsync(next, [1]);
        await ReceiveAsync(next, 1);
        Assert.Equal((2, 1), (proxy.Connections, proxy.OpenConnections));
    }

    [Fact]
    public async Task A_server_that_is_not_there_looks_like_a_reset()
    {
        var echo = new EchoServer();
        var nowhere = echo.Endpoint;
        await echo.DisposeAsync();
        await using var proxy = new FaultProxy(nowhere);

        // The reset can overtake the end of connecting.
        var error = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using var client = await ConnectAsync(proxy);
            await ReceiveToEndAsync(client);
        });

        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    [Fact]
    public async Task Connections_are_chosen_by_number_and_number_of_times()
    {
        var second = new ResetPeer(0) { Connections = [2] };
        var twice = new ResetPeer(0) { Connections = [3, 4, 5, 6], Times = 2 };
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint) { Toxics = [second, twice] };
        var worked = "";
        for (var n = 1; n <= 6; n++)
        {
            using var client = await ConnectAsync(proxy);
            await SendAsync(client, [1]);
            worked += (await ReceiveToEndOrResetAsync(client)).Length == 1 ? n : "";
        }

        Assert.Equal(("156", 1, 2), (worked, proxy.HitsOf(second), proxy.HitsOf(twice)));
    }

    [Fact]
    public async Task A_toxic_can_begin_at_a_text_that_comes_in_pieces()
    {
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint) { Toxics = [new ResetPeer(6) { From = "POST /x", Flow = Flow.Up }] };
        using var client = await ConnectAsync(proxy);
        foreach (var piece in (string[])["GET / POST /y PO", "ST ", "/"])
        {
            await SendAsync(client, Encoding.ASCII.GetBytes(piece));
            await ReceiveAsync(client, piece.Length);
        }

        // Six bytes of the text have gone up when it is recognised: the reset comes at once.
        await SendAsync(client, "x and more"u8.ToArray());
        await Assert.ThrowsAsync<SocketException>(() => ReceiveToEndAsync(client));
        Assert.Equal("GET / POST /y POST /".Length, proxy.BytesUp);
    }

    [Fact]
    public async Task One_call_of_a_kept_alive_connection_can_be_broken()
    {
        await StartAsync();
        await using var proxy = new FaultProxy(new IPEndPoint(IPAddress.Loopback, Server.Address.Port));
        using var client = new HttpClient { BaseAddress = proxy.Address };
        client.DefaultRequestHeaders.Add("Authorization", "Bearer sk-test");
        var broken = new ResetPeer(60) { From = "GET /v1/models ", Flow = Flow.Down, Times = 1 };
        proxy.Toxics = [broken];

        await client.GetStringAsync("/v1/batches", Cancel);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync("/v1/models", Cancel));
        Assert.Equal((1, 1), (proxy.Connections, proxy.HitsOf(broken)));
        await client.GetStringAsync("/v1/models", Cancel);

        Assert.Equal((2, 2), (proxy.Connections, Server.Stats.OpenAI.HttpRequests["models"]));
    }

    [Fact]
    public async Task Toxics_can_be_changed_while_a_connection_is_open()
    {
        await using var echo = new EchoServer();
        await using var proxy = new FaultProxy(echo.Endpoint);
        using var client = await ConnectAsync(proxy);
        await SendAsync(client, Bytes(20));
        await ReceiveAsync(client, 20);

        var limit = new LimitData(5) { Flow = Flow.Down };
        proxy.Toxics = [limit];
        Assert.Same(limit, Assert.Single(proxy.Toxics));
        await SendAsync(client, Bytes(20));
        Assert.Equal(5, (await ReceiveToEndAsync(client)).Length);
        proxy.Toxics = [];

        using var next = await ConnectAsync(proxy);
        await SendAsync(next, Bytes(20));
        await ReceiveAsync(next, 20);
    }

    [Fact]
    public async Task Its_disposal_ends_everything()
    {
        var time = new RecordingTime();
        time.Hold();
        await using var echo = new EchoServer();
        var proxy = new FaultProxy(echo.Endpoint, time) { Toxics = [new Latency(TimeSpan.FromDays(1)) { Connections = [1] }, new Swallow { Connections = [2] }] };
        using var waiting = await ConnectAsync(proxy);
        using var swallowed = await ConnectAsync(proxy);
        await SendAsync(waiting, [1]);
        await SendAsync(swallowed, [1]);
        await UntilAsync(() => time.Waits.Length == 1 && proxy.BytesSwallowed == 1);

        await proxy.DisposeAsync();

        Assert.Equal(0, proxy.OpenConnections);
        await Assert.ThrowsAsync<SocketException>(() => ReceiveAsync(waiting, 1));
        await Assert.ThrowsAsync<SocketException>(() => ReceiveAsync(swallowed, 1));
        await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(proxy));
    }

    private static byte[] Bytes(int count) => [.. Enumerable.Range(0, count).Select(n => (byte)n)];

    private static Task UntilAsync(Func<bool> isSo) => PollAsync(() => Task.FromResult(isSo()), so => so);

    private static async Task<Socket> ConnectAsync(FaultProxy proxy)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(proxy.Endpoint, Cancel);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task SendAsync(Socket socket, byte[] bytes)
    {
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), Cancel);
        }
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var filled = 0; filled < count;)
        {
            var read = await socket.ReceiveAsync(bytes.AsMemory(filled), Cancel);
            filled += read > 0 ? read : throw new EndOfStreamException();
        }

        return bytes;
    }

    private static async Task<byte[]> ReceiveToEndAsync(Socket socket)
    {
        var bytes = new List<byte>();
        var buffer = new byte[4096];
        while (await socket.ReceiveAsync(buffer, Cancel) is > 0 and var read)
        {
            bytes.AddRange(buffer.AsSpan(0, read));
        }

        return [.. bytes];
    }

    /// <summary>Reads one byte, or nothing from a connection that is reset.</summary>
    private static async Task<byte[]> ReceiveToEndOrResetAsync(Socket socket)
    {
        try
        {
            return await ReceiveAsync(socket, 1);
        }
        catch (SocketException)
        {
            return [];
        }
    }
}
