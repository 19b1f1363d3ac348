using System.Net;
using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;

namespace Sluice.Tests.Providers;

/// <summary>Uploads over slow and broken lines: as long as bytes move nothing is given up, and what was not sent whole leaves no doubt.</summary>
public sealed class UploadTests : IDisposable
{
    private const int Lines = 4000;
    private readonly string _spool = Path.GetTempFileName();
    private readonly List<long> _sent = [];

    public UploadTests() => File.WriteAllText(_spool, string.Concat(Enumerable.Repeat($"{{\"a\":\"{new string('x', 90)}\"}}\n", Lines)));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private BatchSpool Spool => new("intent12345678901234", _spool, Lines, new FileInfo(_spool).Length) { Sent = _sent.Add };

    public void Dispose() => File.Delete(_spool);

    private static IBatchApi OpenAI(StubHttp http) => OpenAIProviderFactory.OpenAI.Create(new("openai", "chat", "http://h/v1/", null), http.Environment).Batch!;

    private static IBatchApi Anthropic(StubHttp http) => new AnthropicProviderFactory().Create(new("anthropic", "messages", "http://h", null), http.Environment).Batch!;

    /// <summary>Sends the spool in the call that carries it.</summary>
    private async Task<string?> SendAsync(StubHttp http, bool anthropic) =>
        anthropic ? (await Anthropic(http).CreateAsync(Spool, null, Token)).Id : await OpenAI(http).UploadAsync(Spool, Token);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_upload_that_takes_hours_and_moves_is_not_given_up(bool anthropic)
    {
        StubHttp? http = null;
        using var line = new Line(_ => http!.Time.Advance(TimeSpan.FromMinutes(4)));
        using var slow = http = new StubHttp(async (request, token) =>
        {
            await request.Content!.CopyToAsync(line, token);
            http!.Time.Advance(TimeSpan.FromMinutes(29));
            token.ThrowIfCancellationRequested();
            return StubHttp.Json("""{"id":"made"}""");
        }, readsBody: false);

        Assert.Equal("made", await SendAsync(http, anthropic));

        Assert.True(http.Time.GetUtcNow() - new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero) > TimeSpan.FromMinutes(45), "the line was not slow at all");
        Assert.True(_sent.Count > 3);
        Assert.Equal(_sent.Order(), _sent);
        Assert.InRange(_sent[^1], Spool.Bytes, Spool.Bytes + 1000);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_upload_that_stands_still_is_given_up_and_leaves_no_doubt(bool anthropic)
    {
        StubHttp? http = null;
        int writes = 0;
        using var line = new Line(token =>
        {
            if (++writes == 3)
            {
                http!.Time.Advance(TimeSpan.FromMinutes(6));
                token.ThrowIfCancellationRequested();
            }
        });
        using var dead = http = new StubHttp(async (request, token) =>
        {
            await request.Content!.CopyToAsync(line, token);
            throw new InvalidOperationException("the line was not dead");
        }, readsBody: false);

        ProviderException error = await Assert.ThrowsAsync<ProviderException>(() => SendAsync(http, anthropic));

        Assert.Equal((ErrorClass.Transient, "timeout", false), (error.Error.Class, error.Error.Code, error.OutcomeUnknown));
        Assert.Contains("took nothing of the upload for 300 s", error.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(int.MaxValue, true)]
    public async Task A_connection_that_breaks_leaves_a_doubt_only_when_everything_was_sent(int breaksAt, bool unknown)
    {
        int writes = 0;
        using var line = new Line(_ =>
        {
            if (++writes == breaksAt)
            {
                throw new IOException("reset");
            }
        });
        using var http = new StubHttp(async (request, token) =>
        {
            try
            {
                await request.Content!.CopyToAsync(line, token);
            }
            catch (IOException error)
            {
                throw new HttpRequestException(HttpRequestError.Unknown, "reset", error);
            }

            throw new HttpRequestException(HttpRequestError.ResponseEnded, "no answer");
        }, readsBody: false);

        ProviderException lost = await Assert.ThrowsAsync<ProviderException>(() => SendAsync(http, anthropic: true));

        Assert.Equal(unknown, lost.OutcomeUnknown);
    }

    [Fact]
    public async Task An_answer_that_does_not_come_after_the_upload_leaves_a_doubt()
    {
        StubHttp? http = null;
        using var silent = http = new StubHttp(async (request, token) =>
        {
            await request.Content!.CopyToAsync(Stream.Null, token);
            http!.Time.Advance(TimeSpan.FromMinutes(31));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            throw new InvalidOperationException("it went on");
        }, readsBody: false);

        ProviderException error = await Assert.ThrowsAsync<ProviderException>(() => SendAsync(http, anthropic: true));

        Assert.Equal(("timeout", true), (error.Error.Code, error.OutcomeUnknown));
        Assert.Contains("did not answer within 1800 s", error.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(404, false)]
    [InlineData(410, false)]
    [InlineData(200, true)]
    public async Task Whether_a_file_is_there_is_told_by_the_status(int status, bool there)
    {
        using var http = new StubHttp(_ => StubHttp.Json("{}", status));

        Assert.Equal(there, await OpenAI(http).HasFileAsync("file/1", Token));

        Assert.Equal((HttpMethod.Get, "http://h/v1/files/file%2F1"), (http.Asked[0].Method, http.Asked[0].Url));
    }

    [Fact]
    public async Task Files_are_deleted_at_our_own_address_and_one_that_is_gone_is_no_error()
    {
        using var http = new StubHttp(_ => StubHttp.Json("{}", 404));

        await OpenAI(http).DeleteFileAsync("file-1", Token);
        await Anthropic(http).DeleteFileAsync("msgbatch_1", Token);

        Assert.Equal([(HttpMethod.Delete, "http://h/v1/files/file-1"), (HttpMethod.Delete, "http://h/v1/messages/batches/msgbatch_1")], http.Asked.Select(a => (a.Method, a.Url)));
    }

    [Theory]
    [InlineData(405)]
    [InlineData(500)]
    public async Task A_refused_deletion_is_an_error(int status)
    {
        using var http = new StubHttp(_ => StubHttp.Json("{}", status));

        await Assert.ThrowsAsync<ProviderException>(() => OpenAI(http).DeleteFileAsync("file-1", Token));
        await Assert.ThrowsAsync<ProviderException>(() => Anthropic(http).DeleteFileAsync("msgbatch_1", Token));
    }

    /// <summary>A connection: each write does what the test says first.</summary>
    private sealed class Line(Action<CancellationToken> onWrite) : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            onWrite(cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            return base.WriteAsync(buffer, cancellationToken);
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }
}
