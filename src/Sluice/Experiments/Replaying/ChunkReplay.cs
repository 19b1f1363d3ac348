using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Sluice.Caching;
using Sluice.Datasets;
using Sluice.Dispatch;
using Sluice.Experiments.Templates;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Experiments.Replaying;

/// <summary>Replays a chunk of samples step by step: render, key, look up together, hand on what is missing.</summary>
internal sealed class ChunkReplay(ExperimentPlan plan, IResponseCache cache, IDispatcher dispatcher, DispatchTally tally, ReplayTrail? trail)
{
    private readonly ConcurrentBag<Workshop> _workshops = [];

    /// <summary>Advances the samples of a chunk as far as answers go.</summary>
    /// <param name="records">The chunk's records.</param>
    /// <param name="first">How many samples come before, epochs counted.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<ChunkResult> RunAsync(IReadOnlyList<DatasetRecord> records, long first, CancellationToken cancellationToken)
    {
        var documents = new List<JsonDocument>(records.Count);
        try
        {
            var samples = new List<SampleRun>(records.Count * plan.Experiment.Epochs);
            foreach (var record in records)
            {
                var document = JsonDocument.Parse(record.Json);
                documents.Add(document);
                for (var epoch = 0; epoch < plan.Experiment.Epochs; epoch++)
                {
                    samples.Add(new SampleRun(record, document, epoch, plan.Steps.Count, plan.Scores.Count));
                }
            }

            var entries = trail is null ? [] : BeginTrail(trail, samples, first);
            var hits = await AdvanceAsync(samples, cancellationToken).ConfigureAwait(false);
            trail?.Write(first, entries);
            return Finish(samples, hits);
        }
        finally
        {
            foreach (var document in documents)
            {
                document.Dispose();
            }
        }
    }

    private static byte[] BeginTrail(ReplayTrail trail, List<SampleRun> samples, long first)
    {
        var (entries, before) = (new byte[samples.Count * trail.EntryBytes], trail.ReadBefore(first, samples.Count));
        for (var i = 0; i < samples.Count; i++)
        {
            var sample = samples[i];
            sample.Trail = entries.AsMemory(i * trail.EntryBytes, trail.EntryBytes);
            sample.TrailBefore = before is null ? default : before.AsMemory(i * trail.EntryBytes, trail.EntryBytes);
            trail.SetRecord(sample.Trail.Span, sample.TrailBefore.Span, sample.Record.Json.Span);
        }

        return entries;
    }

    private async Task<long> AdvanceAsync(List<SampleRun> samples, CancellationToken cancellationToken)
    {
        var waiting = new List<Task<long>>();
        try
        {
            return await AdvanceAsync(samples, waiting, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // Calls under way are paid for: they are waited for, whatever has gone wrong with another sample.
            await ((Task)Task.WhenAll(waiting)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    private async Task<long> AdvanceAsync(List<SampleRun> samples, List<Task<long>> waiting, CancellationToken cancellationToken)
    {
        var active = samples;
        long hits = 0;
        for (var step = 0; step < plan.Steps.Count && active.Count > 0; step++)
        {
            var keys = new RequestKey[active.Count];
            var found = new CachedResponse?[active.Count];
            var bodies = new Range[active.Count];
            var workshop = Rent();
            for (var i = 0; i < active.Count; i++)
            {
                (keys[i], bodies[i]) = workshop.Render(plan, active[i], step, trail);
                active[i].Keys[step] = keys[i];
            }

            await cache.GetAsync(keys, found, plan.Caching.NotBefore, cancellationToken).ConfigureAwait(false);
            var legacy = LegacyKeysOf(active, step, found, workshop.Bodies, bodies);
            if (legacy is not null)
            {
                await LookUpAsync(active, step, legacy, found, cancellationToken).ConfigureAwait(false);
            }

            var next = new List<SampleRun>(active.Count);
            for (var i = 0; i < active.Count; i++)
            {
                var sample = active[i];
                if (found[i] is { } response)
                {
                    hits++;
                    if (Answer(sample, step, response))
                    {
                        next.Add(sample);
                    }

                    continue;
                }

                if (step == 0)
                {
                    workshop.LookAhead(plan, sample);
                }

                var request = new Request(keys[i], workshop.Bodies.WrittenSpan[bodies[i]].ToArray(), plan.Steps[step].Route, plan.Steps[step].MaxOutputTokens) { Caching = plan.Caching, Step = plan.Steps[step].Name, LegacyKey = legacy?[i] };
                var dispatch = dispatcher.DispatchAsync(request, tally, cancellationToken);
                if (dispatch.IsCompletedSuccessfully)
                {
                    if (Take(sample, step, dispatch.Result))
                    {
                        next.Add(sample);
                    }
                }
                else
                {
                    waiting.Add(GoOnAlone(sample, step, dispatch.AsTask(), cancellationToken));
                }
            }

            GiveBack(workshop);
            active = next;
        }

        foreach (var extra in await Task.WhenAll(waiting).ConfigureAwait(false))
        {
            hits += extra;
        }

        return hits;
    }

    /// <summary>Waits for one sample's answer and takes the sample through its remaining steps, without waiting for its neighbours.</summary>
    private async Task<long> GoOnAlone(SampleRun sample, int step, Task<DispatchResult> first, CancellationToken cancellationToken)
    {
        long hits = 0;
        var going = Take(sample, step, await first.ConfigureAwait(false));
        while (going && ++step < plan.Steps.Count)
        {
            var workshop = Rent();
            var (key, range) = workshop.Render(plan, sample, step, trail);
            sample.Keys[step] = key;
            var body = workshop.Bodies.WrittenSpan[range].ToArray();
            var found = new CachedResponse?[1];
            var legacy = LegacyKeysOf([sample], step, found, workshop.Bodies, [range]);
            GiveBack(workshop);
            await cache.GetAsync(new[] { key }, found, plan.Caching.NotBefore, cancellationToken).ConfigureAwait(false);
            if (legacy is not null)
            {
                await LookUpAsync([sample], step, legacy, found, cancellationToken).ConfigureAwait(false);
            }

            if (found[0] is { } response)
            {
                hits++;
                going = Answer(sample, step, response);
            }
            else
            {
                var request = new Request(key, body, plan.Steps[step].Route, plan.Steps[step].MaxOutputTokens) { Caching = plan.Caching, Step = plan.Steps[step].Name, LegacyKey = legacy?[0] };
                going = Take(sample, step, await dispatcher.DispatchAsync(request, tally, cancellationToken).ConfigureAwait(false));
            }
        }

        return hits;
    }

    /// <summary>Returns the legacy keys of requests that were not found; null where none count or all were found.</summary>
    private RequestKey?[]? LegacyKeysOf(List<SampleRun> samples, int step, CachedResponse?[] found, PooledBuffer bodies, Range[] places)
    {
        if (plan.Steps[step].Legacy is not { } legacy || !Array.Exists(found, f => f is null))
        {
            return null;
        }

        var keys = new RequestKey?[samples.Count];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = found[i] is null ? legacy.KeyOf(bodies.WrittenSpan[places[i]], samples[i].Epoch) : null;
        }

        return keys;
    }

    /// <summary>Looks what was not found up under its legacy key. A sample whose answer is there has that key: under it the answer is found by people, too.</summary>
    private async Task LookUpAsync(List<SampleRun> samples, int step, RequestKey?[] legacy, CachedResponse?[] found, CancellationToken cancellationToken)
    {
        var places = Enumerable.Range(0, legacy.Length).Where(i => found[i] is null && legacy[i] is not null).ToArray();
        var more = new CachedResponse?[places.Length];
        await cache.GetAsync(Array.ConvertAll(places, i => legacy[i]!.Value), more, plan.Caching.NotBefore, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < places.Length; i++)
        {
            if (more[i] is { } response)
            {
                found[places[i]] = response;
                samples[places[i]].Keys[step] = legacy[places[i]]!.Value;
                plan.Steps[step].Legacy!.Use();
            }
        }
    }

    private bool Take(SampleRun sample, int step, DispatchResult result)
    {
        if (result.Response is { } response)
        {
            return Answer(sample, step, response);
        }

        if (result.Failure is { } failure)
        {
            Fail(sample, $"step `{plan.Steps[step].Name}`: {failure}");
        }

        return false;
    }

    private bool Answer(SampleRun sample, int step, CachedResponse response)
    {
        try
        {
            sample.Answers[step] = plan.Steps[step].Route.Provider.Dialect.ReadResponse(response.Body.Span, response.Usage);
        }
        catch (FormatException error)
        {
            Fail(sample, $"step `{plan.Steps[step].Name}`: the stored response cannot be read: {error.Message}");
            return false;
        }

        trail?.SetAnswer(sample.Trail.Span, step, sample.Answers[step]!);
        sample.IsBatch[step] = response.IsBatch;
        sample.Answered = step + 1;
        return true;
    }

    private static void Fail(SampleRun sample, string error)
    {
        sample.Status = SampleStatus.Failed;
        sample.Error = error;
    }

    private ChunkResult Finish(List<SampleRun> samples, long hits)
    {
        var workshop = Rent();
        var lines = new PooledBuffer(samples.Count * 1024);
        using var line = new ResultLine(lines);
        foreach (var sample in samples)
        {
            if (sample.Answered == plan.Steps.Count && sample.Status != SampleStatus.Failed)
            {
                workshop.Score(plan, sample);
                sample.Status = SampleStatus.Done;
            }

            line.Write(plan, sample);
        }

        GiveBack(workshop);
        return new ChunkResult(samples, lines, hits);
    }

    private Workshop Rent() => _workshops.TryTake(out var workshop) ? workshop : new Workshop(plan.Now);

    private void GiveBack(Workshop workshop)
    {
        workshop.Bodies.Dispose();
        _workshops.Add(workshop);
    }

    /// <summary>What one thread needs to render: a template scope and buffers, reused.</summary>
    private sealed class Workshop(DateTimeOffset? now)
    {
        private readonly TemplateScope _scope = new(now);
        private readonly SuffixTable _suffixes = new();
        private readonly byte[] _digest = new byte[RequestKey.Length];

        public PooledBuffer Bodies { get; } = new(64 * 1024);

        /// <summary>Renders a body behind the ones before it and returns its key and where it lies.</summary>
        public (RequestKey Key, Range Body) Render(ExperimentPlan plan, SampleRun sample, int step, ReplayTrail? trail)
        {
            var stepPlan = plan.Steps[step];
            Span<uint> fields = trail is null ? [] : new uint[stepPlan.Body.Fields.Count];
            Bodies.Write(stepPlan.KeyPrefix);
            var start = Bodies.WrittenCount;
            try
            {
                _scope.Set(sample.Sample, plan.StepNames, sample.Answers);
                stepPlan.Body.Render(_scope, Bodies, fields);
            }
            catch (Exception error) when (error is UnknownFieldException or FormatException)
            {
                throw Explain(plan, sample, $"step `{stepPlan.Name}`", error);
            }

            // Prefix, body and suffix lie side by side, so that one call hashes them.
            var end = Bodies.WrittenCount;
            Bodies.Write(_suffixes.Of(sample.Epoch));
            SHA256.HashData(Bodies.WrittenSpan[(start - stepPlan.KeyPrefix.Length)..], _digest);
            var key = new RequestKey(_digest);
            if (trail is not null && trail.SetRequest(sample.Trail.Span, sample.TrailBefore.Span, step, key, fields) is var field and >= 0)
            {
                throw Changed(plan, sample, step, field);
            }

            return (key, start..end);
        }

        /// <summary>Finds unknown fields of later steps and of scores before the first request of a sample is paid for.</summary>
        public void LookAhead(ExperimentPlan plan, SampleRun sample)
        {
            _scope.Set(sample.Sample, plan.StepNames, sample.Answers);
            var where = "";
            try
            {
                for (var i = 1; i < plan.Steps.Count; i++)
                {
                    where = plan.Steps[i].Label;
                    plan.Steps[i].Body.Check(_scope, plan.EarlierSteps[i]);
                }

                foreach (var score in plan.Scores)
                {
                    where = score.Label;
                    score.Value.Check(_scope, plan.StepNames);
                    score.Target.Check(_scope, plan.StepNames);
                }
            }
            catch (Exception error) when (error is UnknownFieldException or FormatException)
            {
                throw Explain(plan, sample, where, error);
            }
        }

        public void Score(ExperimentPlan plan, SampleRun sample)
        {
            if (plan.Scores.Count == 0)
            {
                return;
            }

            _scope.Set(sample.Sample, plan.StepNames, sample.Answers);
            for (var i = 0; i < plan.Scores.Count; i++)
            {
                var score = plan.Scores[i];
                try
                {
                    sample.Scores[i] = score.Scorer.Score(score.Value.Render(_scope), score.Target.Render(_scope));
                }
                catch (Exception error) when (error is UnknownFieldException or FormatException or SluiceException)
                {
                    throw Explain(plan, sample, $"score `{score.Name}`", error);
                }
            }
        }

        /// <summary>Says that a prompt changes by itself: it would be paid for again with each replay, and never be answered.</summary>
        private static SluiceException Changed(ExperimentPlan plan, SampleRun sample, int step, int field) => new(
            ErrorKind.Usage,
            $"experiment `{plan.Experiment.Name}`, step `{plan.Steps[step].Name}`, sample `{sample.Record.Id}` (line {sample.Record.Line} of {plan.Experiment.Dataset.Path}): `{plan.Steps[step].FieldName(field)}` has another text than a moment ago, with the same record and the same answers",
            "the request would be sent, and paid for, again and again; let the template depend on nothing but `sample` and `steps`. What was sent before is collected by the next command");

        private static SluiceException Explain(ExperimentPlan plan, SampleRun sample, string where, Exception error)
        {
            var hint = error switch { UnknownFieldException unknown => unknown.Hint, SluiceException { Hint: { } text } => text, _ => "mend the template" };
            return new SluiceException(
                ErrorKind.Usage,
                $"experiment `{plan.Experiment.Name}`, {where}, sample `{sample.Record.Id}` (line {sample.Record.Line} of {plan.Experiment.Dataset.Path}): {error.Message}",
                hint,
                error);
        }
    }
}

/// <summary>The key suffixes of epochs, made once.</summary>
internal sealed class SuffixTable
{
    private readonly List<byte[]> _suffixes = [];

    public byte[] Of(int epoch)
    {
        while (_suffixes.Count <= epoch)
        {
            _suffixes.Add(RequestKey.Suffix(_suffixes.Count));
        }

        return _suffixes[epoch];
    }
}

/// <summary>What came of a chunk.</summary>
internal sealed record ChunkResult(IReadOnlyList<SampleRun> Samples, PooledBuffer Lines, long Hits) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Lines.Dispose();
}
