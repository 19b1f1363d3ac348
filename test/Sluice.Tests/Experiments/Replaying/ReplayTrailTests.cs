using System.Text;
using System.Text.Json.Nodes;
using Sluice.Caching;
using Sluice.Datasets;
using Sluice.Dispatch;
using Sluice.Experiments;
using Sluice.Experiments.Replaying;
using Sluice.Pricing;
using Sluice.Requests;
using Sluice.Tests.Dispatch;

namespace Sluice.Tests.Experiments.Replaying;

/// <summary>A prompt that changes by itself ends the command before it is paid for; what people change does not.</summary>
public sealed class ReplayTrailTests : IAsyncDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero);

    private readonly DispatchFixture _fixture = new();
    private readonly string _data = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".jsonl");
    private readonly Asked _asked = new();

    public ReplayTrailTests() => File.WriteAllText(_data, """{"q":"a"}""" + "\n" + """{"q":"b"}""" + "\n");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync()
    {
        File.Delete(_data);
        return _fixture.DisposeAsync();
    }

    [Fact]
    public async Task A_prompt_that_is_the_same_each_time_may_be_replayed_for_ever()
    {
        ExperimentPlan plan = Plan(new StepOptions { Name = "answer", Model = Model, User = "{{ 'now' | date: '%s' }} {{ sample.q }}" }).At(s_now);
        using var trail = new ReplayTrail(plan);
        for (int i = 0; i < 3; i++)
        {
            await ReplayAsync(plan, trail);
        }

        Assert.Equal(6, _asked.Bodies.Count);
        Assert.Equal(2, _asked.Bodies.Distinct().Count());
        Assert.Contains("1795780800 a", _asked.Bodies[0], StringComparison.Ordinal);
        Assert.False(trail.HasOtherRecords);
    }

    [Theory]
    [InlineData("user")]
    [InlineData("system")]
    [InlineData("messages[1].content")]
    [InlineData("body.messages[0].content")]
    public async Task A_prompt_that_has_changed_by_itself_is_named_and_not_sent(string field)
    {
        const string Changing = "{{ 'now' | date: '%s' }}";
        var step = new StepOptions { Name = "answer", Model = Model };
        step = field switch
        {
            "user" => step with { System = "{{ sample.q }}", User = Changing },
            "system" => step with { System = Changing, User = "{{ sample.q }}" },
            "messages[1].content" => step with { Messages = [Message("system", "{{ sample.q }}"), Message("user", Changing)] },
            _ => step with { Body = new JsonObject { ["messages"] = new JsonArray(Message("user", Changing)) } },
        };
        ExperimentPlan plan = Plan(step);
        using var trail = new ReplayTrail(plan);
        await ReplayAsync(plan.At(s_now), trail);
        int sent = _asked.Bodies.Count;

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => ReplayAsync(plan.At(s_now.AddSeconds(1)), trail));

        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains($"step `answer`, sample `0` (line 1 of {_data}): `{field}` has another text than a moment ago", error.Message, StringComparison.Ordinal);
        Assert.Equal(sent, _asked.Bodies.Count);
    }

    [Fact]
    public async Task A_record_that_people_have_changed_is_asked_for_and_noticed()
    {
        ExperimentPlan plan = Plan(new StepOptions { Name = "answer", Model = Model, User = "{{ sample.q }}" });
        using var trail = new ReplayTrail(plan);
        await ReplayAsync(plan, trail);
        await File.WriteAllTextAsync(_data, """{"q":"c"}""" + "\n" + """{"q":"b"}""" + "\n", Token);

        await ReplayAsync(plan, trail);

        Assert.True(trail.HasOtherRecords);
        Assert.Equal(3, _asked.Bodies.Distinct().Count());
    }

    [Fact]
    public async Task A_record_that_people_have_added_is_noticed_too()
    {
        ExperimentPlan plan = Plan(new StepOptions { Name = "answer", Model = Model, User = "{{ sample.q }}" });
        using var trail = new ReplayTrail(plan);
        await ReplayAsync(plan, trail);
        await File.AppendAllTextAsync(_data, """{"q":"c"}""" + "\n", Token);

        await ReplayAsync(plan, trail);

        Assert.True(trail.HasOtherRecords);
    }

    [Fact]
    public async Task A_later_step_may_change_with_the_answer_before_it_and_with_nothing_else()
    {
        ExperimentPlan plan = Plan(
            new StepOptions { Name = "answer", Model = Model, User = "{{ sample.q }}" },
            new StepOptions { Name = "judge", Model = Model, User = "{{ steps.answer.text }} {{ 'now' | date: '%s' }}" });
        using var trail = new ReplayTrail(plan);
        await ReplayAsync(plan.At(s_now), trail);
        await AnswerAsync("yes", default);
        await ReplayAsync(plan.At(s_now), trail);
        // Another answer: another prompt is right.
        await AnswerAsync("no", DateTimeOffset.MaxValue);
        await ReplayAsync(plan.At(s_now), trail);
        Assert.Equal(2, _asked.Bodies.Count(b => b.Contains("yes 1795780800", StringComparison.Ordinal)));
        Assert.Equal(2, _asked.Bodies.Count(b => b.Contains("no 1795780800", StringComparison.Ordinal)));

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => ReplayAsync(plan.At(s_now.AddSeconds(1)), trail));

        Assert.Contains("step `judge`, sample `0`", error.Message, StringComparison.Ordinal);
        Assert.Contains("`user` has another text", error.Message, StringComparison.Ordinal);

        async Task AnswerAsync(string text, DateTimeOffset replacedBefore) => await _fixture.Cache.PutAsync(
            [.. _asked.Keys.Take(2).Select(key => new CacheEntry(key, Encoding.UTF8.GetBytes(ScriptedProvider.Body(text)), new TokenUsage(1, 1)) { Origin = new ResponseOrigin("scripted", "m", "b") })],
            replacedBefore == default ? default : _fixture.Time.GetUtcNow().AddSeconds(1),
            Token);
    }

    [Fact]
    public async Task What_a_template_counts_for_one_sample_is_not_seen_by_the_next()
    {
        await File.WriteAllTextAsync(_data, string.Concat(Enumerable.Range(0, 500).Select(i => $$"""{"q":"{{i}}"}""" + "\n")), Token);
        ExperimentPlan plan = Plan(new StepOptions { Name = "answer", Model = Model, User = "{% increment n %}{% cycle 'x', 'y' %} {{ sample.q }}" });
        using var trail = new ReplayTrail(plan);
        await ReplayAsync(plan, trail);
        await ReplayAsync(plan, trail);

        Assert.Equal(1000, _asked.Bodies.Count);
        Assert.All(_asked.Bodies, body => Assert.Contains("\"0x ", body, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_replay_that_only_looks_is_compared_too_and_leaves_nothing()
    {
        ExperimentPlan plan = Plan(new StepOptions { Name = "answer", Model = Model, User = "{{ 'now' | date: '%s' }}{{ sample.q }}" });
        using var trail = new ReplayTrail(plan);
        await ReplayAsync(plan.At(s_now), trail);

        await Assert.ThrowsAsync<SluiceException>(() => ReplayAsync(plan.At(s_now.AddSeconds(1)), trail.Looking()));
        await File.WriteAllTextAsync(_data, """{"q":"c"}""" + "\n" + """{"q":"d"}""" + "\n", Token);
        await ReplayAsync(plan.At(s_now), trail.Looking());

        Assert.True(trail.HasOtherRecords);
        // It has left nothing: the next one is compared with the first.
        await File.WriteAllTextAsync(_data, """{"q":"a"}""" + "\n" + """{"q":"b"}""" + "\n", Token);
        await Assert.ThrowsAsync<SluiceException>(() => ReplayAsync(plan.At(s_now.AddSeconds(1)), trail));
    }

    [Fact]
    public async Task A_trail_leaves_no_file()
    {
        string[] before = Directory.GetFiles(Path.GetTempPath(), $"sluice-{Environment.ProcessId}-*.trail");
        ExperimentPlan plan = Plan(new StepOptions { Name = "answer", Model = Model, User = "{{ sample.q }}" });
        using var trail = new ReplayTrail(plan);
        await ReplayAsync(plan, trail);

        Assert.Equal(before, Directory.GetFiles(Path.GetTempPath(), $"sluice-{Environment.ProcessId}-*.trail"));
    }

    private static ModelOptions Model => new() { Provider = "scripted", Name = "m" };

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private ExperimentPlan Plan(params StepOptions[] steps) => ExperimentPlan.Compile(
        [new Experiment { Name = "e", Source = "e.yaml", ComposedYaml = "", Dataset = new DatasetOptions { Path = _data }, Steps = steps }],
        _fixture.Provider.Registry(), PriceList.BuiltIn, s_now)[0];

    private Task ReplayAsync(ExperimentPlan plan, ReplayTrail trail) => new Replay(plan, _fixture.Cache, _asked, new DispatchTally(), trail).RunAsync(null, null, Token);

    /// <summary>Takes note of what is asked for and sends nothing.</summary>
    private sealed class Asked : IDispatcher
    {
        private readonly Lock _gate = new();
        private readonly List<Request> _requests = [];

        public int SamplesInFlight => 1;

        public IReadOnlyList<string> Bodies => [.. _requests.Select(r => Encoding.UTF8.GetString(r.Body.Span))];

        public IReadOnlyList<RequestKey> Keys => [.. _requests.Select(r => r.Key)];

        public ValueTask<DispatchResult> DispatchAsync(Request request, DispatchTally tally, CancellationToken cancellationToken = default)
        {
            lock (_gate)
            {
                _requests.Add(request);
            }

            return ValueTask.FromResult(DispatchResult.Pending);
        }
    }
}
