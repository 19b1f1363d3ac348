using System.Text;
using System.Text.Json;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Batch;

/// <summary>What the batch dispatcher writes into spools, and what it leaves out.</summary>
public sealed class BatchLaneTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();
    private readonly List<Intent> _sealed = [];
    private BatchDispatchOptions _size = new(null, null);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    private BatchDispatcher Dispatcher(int? maxRequests = null, long? maxBytes = null)
    {
        _size = new BatchDispatchOptions(maxRequests, maxBytes);
        return _fixture.Batches(_sealed.Add);
    }

    private DispatchTally Tally(bool retryFailed = false) => new() { BatchSize = _size, RetryFailed = retryFailed };

    private string[] Lines(Intent intent) => File.ReadAllLines(Path.Combine(_fixture.SpoolFolder, intent.Id + ".jsonl"));

    private RequestKey[] KeysIn(Intent intent) => [.. Lines(intent).Select(line =>
    {
        byte[] id = Encoding.ASCII.GetBytes(JsonDocument.Parse(line).RootElement.GetProperty("custom_id").GetString()!);
        Assert.True(CustomId.TryParse(id, out ReadOnlySpan<byte> owner, out RequestKey key));
        Assert.Equal(intent.Id, Encoding.ASCII.GetString(owner));
        return key;
    })];

    [Fact]
    public async Task Spools_are_split_by_count_and_hold_every_request_in_order()
    {
        using BatchDispatcher dispatcher = Dispatcher(maxRequests: 10);
        Request[] requests = [.. Enumerable.Range(0, 25).Select(i => _fixture.Request(i))];
        var tally = Tally();
        foreach (Request request in requests)
        {
            Assert.Equal(DispatchResult.Pending, await dispatcher.DispatchAsync(request, tally, Token));
        }

        await dispatcher.FlushAsync(Token);

        Assert.Equal([10, 10, 5], _sealed.Select(i => i.Count));
        Assert.Equal(requests.Select(r => r.Key), _sealed.SelectMany(KeysIn));
        Assert.All(_sealed, intent => Assert.Equal((IntentState.Sealed, new FileInfo(Path.Combine(_fixture.SpoolFolder, intent.Id + ".jsonl")).Length), (intent.State, intent.Bytes)));
        Assert.Equal(25, tally.Sent);
        Assert.Equal(_sealed.Select(i => i.Row), tally.WaitingFor().Order());
    }

    /// <summary>An experiment that wants small batches makes no other one's smaller, and lets none of its requests fail.</summary>
    [Fact]
    public async Task Experiments_that_differ_in_the_size_of_batches_have_batches_of_their_own()
    {
        using BatchDispatcher dispatcher = Dispatcher();
        var (usual, small) = (Tally(), new DispatchTally { BatchSize = new BatchDispatchOptions(2, 300) });
        for (int i = 0; i < 5; i++)
        {
            await dispatcher.DispatchAsync(_fixture.Request(i, padding: 900), usual, Token);
            await dispatcher.DispatchAsync(_fixture.Request(100 + i), small, Token);
        }

        await dispatcher.FlushAsync(_fixture.Route, Token);

        Assert.Equal([1, 2, 2, 5], _sealed.Select(intent => intent.Count).Order());
        Assert.Equal((5L, 5L), (usual.Sent, small.Sent));
    }

    [Fact]
    public async Task Spools_are_split_by_bytes_envelopes_included()
    {
        using BatchDispatcher dispatcher = Dispatcher(maxBytes: 10_000);
        for (int i = 0; i < 50; i++)
        {
            await dispatcher.DispatchAsync(_fixture.Request(i, padding: (i * 37) % 900), Tally(), Token);
        }

        await dispatcher.FlushAsync(Token);

        Assert.Equal(50, _sealed.Sum(i => i.Count));
        Assert.All(_sealed, intent => Assert.InRange(intent.Bytes, 1, 10_000));
        Assert.All(_sealed.SkipLast(1), intent => Assert.True(intent.Bytes > 8_500, $"{intent.Bytes}"));
    }

    [Fact]
    public async Task The_providers_own_limits_hold_when_the_users_are_wider()
    {
        _fixture.Provider.Limits = new(4, 1_000_000);
        using BatchDispatcher dispatcher = Dispatcher(maxRequests: 100);
        for (int i = 0; i < 9; i++)
        {
            await dispatcher.DispatchAsync(_fixture.Request(i), Tally(), Token);
        }

        await dispatcher.FlushAsync(Token);

        Assert.Equal([4, 4, 1], _sealed.Select(i => i.Count));
    }

    [Fact]
    public async Task A_line_holds_the_very_bytes_that_were_hashed()
    {
        using BatchDispatcher dispatcher = Dispatcher();
        Request request = _fixture.RequestOf("""{"a":"ü\n\"","b":1e+30}""");
        await dispatcher.DispatchAsync(request, Tally(), Token);
        await dispatcher.FlushAsync(Token);

        Assert.EndsWith("\"body\":{\"a\":\"ü\\n\\\"\",\"b\":1e+30}}", Assert.Single(Lines(_sealed[0])), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_two_experiments_ask_for_is_sent_once_and_both_wait_for_it()
    {
        using BatchDispatcher dispatcher = Dispatcher();
        DispatchTally first = new(), second = new(), late = new();
        await dispatcher.DispatchAsync(_fixture.Request(1), first, Token);
        await dispatcher.DispatchAsync(_fixture.Request(1), second, Token);
        await dispatcher.DispatchAsync(_fixture.Request(2), second, Token);
        await dispatcher.FlushAsync(Token);
        await dispatcher.DispatchAsync(_fixture.Request(1), late, Token);
        await dispatcher.FlushAsync(Token);

        Intent only = Assert.Single(_sealed);
        Assert.Equal(2, only.Count);
        Assert.Equal((2, 0), (first.Sent + second.Sent, late.Sent));
        Assert.All((DispatchTally[])[first, second, late], tally => Assert.Equal([only.Row], tally.WaitingFor()));
    }

    [Fact]
    public async Task Two_processes_that_ask_for_the_same_send_it_once()
    {
        using BatchDispatcher one = Dispatcher();
        using BatchDispatcher two = Dispatcher();
        for (int i = 0; i < 20; i++)
        {
            await one.DispatchAsync(_fixture.Request(i), Tally(), Token);
            await two.DispatchAsync(_fixture.Request(i + 10), Tally(), Token);
        }

        await one.FlushAsync(Token);
        await two.FlushAsync(Token);

        Assert.Equal(30, _sealed.SelectMany(KeysIn).Distinct().Count());
        Assert.Equal(30, _sealed.Sum(i => i.Count));
    }

    [Fact]
    public async Task What_was_answered_meanwhile_is_not_sent_and_its_claim_given_back()
    {
        using BatchDispatcher dispatcher = Dispatcher();
        var tally = Tally();
        await dispatcher.DispatchAsync(_fixture.Request(1), tally, Token);
        await dispatcher.DispatchAsync(_fixture.Request(2), tally, Token);
        await _fixture.PutAsync(_fixture.Request(1).Key);
        await dispatcher.FlushAsync(Token);

        Assert.Equal([_fixture.Request(2).Key], KeysIn(Assert.Single(_sealed)));
        Assert.Equal(Standing.New, _fixture.Ledger.Find(_fixture.Request(1).Key).Standing);
        Assert.Contains(0, tally.WaitingFor());
        Assert.Equal(1, tally.Sent);
    }

    [Fact]
    public async Task When_everything_was_answered_meanwhile_nothing_is_sealed()
    {
        using BatchDispatcher dispatcher = Dispatcher();
        await dispatcher.DispatchAsync(_fixture.Request(1), Tally(), Token);
        await _fixture.PutAsync(_fixture.Request(1).Key);
        await dispatcher.FlushAsync(Token);

        Assert.Empty(_sealed);
        Assert.Empty(_fixture.Spools);
        Assert.Empty(_fixture.Ledger.Open());
    }

    [Fact]
    public async Task A_request_larger_than_a_batch_fails_and_its_experiment_is_told_to_look_again()
    {
        using BatchDispatcher dispatcher = Dispatcher(maxBytes: 1000);
        var tally = Tally();
        await dispatcher.DispatchAsync(_fixture.Request(1, padding: 2000), tally, Token);
        await dispatcher.DispatchAsync(_fixture.Request(2), tally, Token);
        await dispatcher.FlushAsync(Token);

        Assert.Equal([_fixture.Request(2).Key], KeysIn(Assert.Single(_sealed)));
        Assert.Contains("1000", (await dispatcher.DispatchAsync(_fixture.Request(1, padding: 2000), tally, Token)).Failure, StringComparison.Ordinal);
        Assert.Contains(0, tally.WaitingFor());
    }

    [Fact]
    public async Task What_failed_for_good_is_told_and_sent_again_only_on_request()
    {
        _fixture.Ledger.RecordFailure(_fixture.Request(1).Key, "bad request", 1);
        using BatchDispatcher dispatcher = Dispatcher();

        Assert.Equal("bad request", (await dispatcher.DispatchAsync(_fixture.Request(1), Tally(), Token)).Failure);
        Assert.Equal(DispatchResult.Pending, await dispatcher.DispatchAsync(_fixture.Request(1), Tally(retryFailed: true), Token));
        await dispatcher.FlushAsync(Token);

        Assert.Equal(1, Assert.Single(_sealed).Count);
    }

    [Fact]
    public async Task Over_the_budget_requests_are_held_and_counted()
    {
        using BatchDispatcher dispatcher = Dispatcher();
        var tally = new DispatchTally { HoldsBack = true, BatchSize = _size };

        Assert.Equal(DispatchResult.Pending, await dispatcher.DispatchAsync(_fixture.Request(1), tally, Token));
        await dispatcher.FlushAsync(Token);

        Assert.Equal((1, 0, 0), (tally.Held, tally.Sent, _sealed.Count));
        Assert.Equal(Standing.New, _fixture.Ledger.Find(_fixture.Request(1).Key).Standing);
    }

    [Fact]
    public async Task What_was_never_sealed_leaves_no_trace()
    {
        using (BatchDispatcher dispatcher = Dispatcher(maxRequests: 3000))
        {
            for (int i = 0; i < 5000; i++)
            {
                await dispatcher.DispatchAsync(_fixture.Request(i), Tally(), Token);
            }
        }

        Assert.Equal(_sealed.Select(i => i.Row), _fixture.Ledger.Open().Select(i => i.Row));
        Assert.Equal(_sealed.Count, _fixture.Spools.Count);
        Assert.Equal(_sealed.Sum(i => i.Count), Enumerable.Range(0, 5000).Count(i => _fixture.Ledger.Find(_fixture.Request(i).Key).Standing == Standing.InFlight));
    }

    [Fact]
    public async Task Many_experiments_at_once_lose_and_double_nothing()
    {
        using BatchDispatcher dispatcher = Dispatcher(maxRequests: 700);
        DispatchTally[] tallies = [.. Enumerable.Range(0, 6).Select(_ => Tally())];

        await Task.WhenAll(tallies.Select((tally, e) => Task.Run(async () =>
        {
            foreach (int i in Enumerable.Range(e * 500, 3000))
            {
                await dispatcher.DispatchAsync(_fixture.Request(i), tally, Token);
            }
        }, Token)));
        await dispatcher.FlushAsync(Token);

        Assert.Equal((5500, 5500), (_sealed.Sum(i => i.Count), tallies.Sum(t => t.Sent)));
        Assert.Equal(5500, _sealed.SelectMany(KeysIn).Distinct().Count());
        Assert.All(_sealed, intent => Assert.InRange(intent.Count, 1, 700));
    }
}
