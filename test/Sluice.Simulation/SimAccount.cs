using System.Globalization;
using System.Text;
using System.Text.Json;
using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;
using Sluice.Requests;

namespace Sluice.Simulation;

/// <summary>One carrying out of a request that is paid for.</summary>
/// <param name="Batch">The batch; null for a live call.</param>
/// <param name="By">The process that made the live call, or null.</param>
internal sealed record Execution(SimBatch? Batch, SimProcess? By)
{
    /// <summary>Gets or sets whether the answer got through: a live call whose answer was lost is made again.</summary>
    public bool IsLost { get; set; }
}

/// <summary>The provider's side of an account: the truth about what was made, carried out and paid for.</summary>
internal sealed class SimAccount(World world)
{
    private readonly Dictionary<string, string[]> _files = [];

    public IDialect Dialect { get; } = world.Plan.Kind == ApiKind.Anthropic ? new AnthropicMessagesDialect("sim") : new OpenAIChatDialect("sim");

    public List<SimBatch> Batches { get; } = [];

    public Dictionary<RequestKey, List<Execution>> Executions { get; } = [];

    /// <summary>Gets how many tries of a request failed, and whether one of them failed for good.</summary>
    public Dictionary<RequestKey, (int Times, bool Final)> Failures { get; } = [];

    public int Live { get; private set; }

    public string Upload(string intent, string[] lines)
    {
        var id = $"file-{_files.Count}";
        _files.Add(id, lines);
        world.Trace("provider", $"{id} uploaded for {world.NameOf(intent)}, {lines.Length} lines");
        return id;
    }

    public bool HasFile(string id) => _files.ContainsKey(id);

    public SimBatch Create(string intent, string? file, string[] customIds)
    {
        customIds = file is null ? customIds : [.. _files[file].Select(l => JsonDocument.Parse(l).RootElement.GetProperty("custom_id").GetString()!)];
        var batch = new SimBatch(world, Batches.Count, intent, file, customIds);
        Batches.Add(batch);
        world.Trace("provider", $"{batch.Id} made for {world.NameOf(intent)}: {batch.CustomIds.Length} lines, {batch.Fate} at {(batch.EndsAt - world.Now).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s");
        return batch;
    }

    /// <summary>Another program on the same account makes a batch.</summary>
    public void CreateOfOthers(int count, TimeSpan age = default)
    {
        var batch = new SimBatch(world, Batches.Count, null, "file-theirs", [.. Enumerable.Range(0, count).Select(i => $"theirs-{i}")], age);
        Batches.Add(batch);
        world.Trace("provider", $"{batch.Id} made by others: {count} lines");
    }

    public SimBatch? Get(string id) => Batches.Find(b => b.Id == id);

    public Execution ExecuteLive(ReadOnlyMemory<byte> body, SimProcess by, out byte[] answer)
    {
        var key = RequestKey.Compute(Dialect.Name, Dialect.Endpoint, body.Span, 0);
        var execution = new Execution(null, by);
        answer = Encoding.UTF8.GetBytes(BodyOf(key, Executed(key, execution)));
        Live++;
        return execution;
    }

    /// <summary>Notes that a request was carried out; returns how often it has been now.</summary>
    public int Executed(RequestKey key, Execution execution)
    {
        if (!Executions.TryGetValue(key, out var all))
        {
            Executions.Add(key, all = []);
        }

        all.Add(execution);
        return all.Count;
    }

    public void Failed(RequestKey key, bool final)
    {
        var (times, was) = Failures.GetValueOrDefault(key);
        Failures[key] = (times + 1, was || final);
    }

    public string BodyOf(RequestKey key, int times) => world.Plan.Kind == ApiKind.Anthropic
        ? $$$"""{"content":[{"type":"text","text":"{{{key}}} {{{times}}}"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}"""
        : $$$"""{"choices":[{"message":{"content":"{{{key}}} {{{times}}}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}""";
}

/// <summary>How a batch ends.</summary>
internal enum Fate
{
    Done,
    Expired,
    Failed,
}

/// <summary>A batch as the provider knows it. What becomes of each line is drawn when it is made, and happens at its time.</summary>
internal sealed class SimBatch
{
    private readonly World _world;
    private readonly double _share;
    private List<(string CustomId, string Text, bool IsError)>? _results;
    private readonly TimeSpan _lateFiles;
    private readonly bool _tellsCounts;
    private readonly int _wrongCount;

    public SimBatch(World world, int number, string? intent, string? file, string[] customIds, TimeSpan age = default)
    {
        _world = world;
        Number = number;
        Place = world.Random.Next();
        Id = string.Create(CultureInfo.InvariantCulture, $"batch-{number}");
        Intent = intent;
        File = file;
        CustomIds = customIds;
        CreatedAt = world.Now - age;
        var plan = world.Plan;
        var calm = world.Stage.IsCalm;
        var local = plan.IsLocal;
        EndsAt = CreatedAt + (local ? world.Between(0.1, 15) : world.Between(3, 400));
        ListedAt = CreatedAt + (!calm && plan.ListLag > 0 && world.Chance(0.5) ? world.Between(0, local ? 2 : 60) : TimeSpan.Zero);
        KnownAt = CreatedAt + (!calm && plan.NotFoundLag > 0 && world.Chance(0.5) ? world.Between(0, local ? 3 : 30) : TimeSpan.Zero);
        _lateFiles = !calm && world.Chance(plan.LateFiles) ? local ? world.Between(0, 8) : world.Between(0, 60) : TimeSpan.Zero;
        _tellsCounts = calm || !world.Chance(plan.WrongCounts);
        _wrongCount = world.Random.Next(3) == 0 ? CustomIds.Length + 1 : -1;
        _share = 1;
        if (!calm && intent is not null && plan.Kind != ApiKind.Anthropic && world.Chance(plan.FailedBatches))
        {
            Fate = Fate.Failed;
            Error = world.Random.Next(8) switch
            {
                < 3 => new RequestError(ErrorClass.RateLimited, "token_limit_exceeded", "Enqueued token limit reached"),
                < 7 => new RequestError(ErrorClass.Transient, "server_error", "the batch could not be read"),
                _ => new RequestError(ErrorClass.Permanent, "invalid_request", "the batch is wrong"),
            };
        }
        else if (!calm && world.Chance(plan.Unfinished))
        {
            Fate = Fate.Expired;
            _share = world.Random.NextDouble();
        }
    }

    public string Id { get; }

    public int Number { get; }

    /// <summary>Gets its place in lists of no order.</summary>
    public int Place { get; }

    /// <summary>Gets whose it is; null for other people's.</summary>
    public string? Intent { get; }

    public string? File { get; }

    public string[] CustomIds { get; }

    public Fate Fate { get; private set; }

    public RequestError? Error { get; }

    public DateTimeOffset CreatedAt { get; }

    public DateTimeOffset EndsAt { get; private set; }

    /// <summary>Gets when lists have it.</summary>
    public DateTimeOffset ListedAt { get; }

    /// <summary>Gets when a look by its id finds it.</summary>
    public DateTimeOffset KnownAt { get; }

    public bool IsCancelled { get; private set; }

    public bool HasEnded => _world.Now >= EndsAt;

    /// <summary>Gets how often the batch was seen ended, and this line not in its results: readings are counted over all processes.</summary>
    public Dictionary<string, int> Unseen { get; } = [];

    public void Cancel()
    {
        if (!HasEnded && !IsCancelled)
        {
            IsCancelled = true;
            EndsAt = _world.Now + TimeSpan.FromSeconds(_world.Random.NextDouble());
            _world.Trace("provider", $"{Id} cancelled");
        }
    }

    public BatchInfo Info(SimProcess process, bool isList)
    {
        var anthropic = _world.Plan.Kind == ApiKind.Anthropic;
        var state = HasEnded
            ? Fate == Fate.Failed ? BatchState.Failed : anthropic ? BatchState.Done : IsCancelled ? BatchState.Cancelled : Fate == Fate.Expired ? BatchState.Expired : BatchState.Done
            : IsCancelled ? BatchState.Cancelling : BatchState.Running;
        IReadOnlyList<string> files = state == BatchState.Failed || !HasEnded ? [] : anthropic ? [Id] : FilesOf();
        if (HasEnded && !isList && Fate != Fate.Failed)
        {
            NoteUnseen(process, files);
        }

        return new BatchInfo
        {
            Id = Id,
            State = state,
            RawState = state.ToString(),
            CreatedAt = CreatedAt,
            Intent = _world.Plan.Kind == ApiKind.OpenAI ? Intent : null,
            InputFile = File,
            // Anthropic's counts always sum up to the batch's size; where they are for display only, they may be anything.
            Total = _tellsCounts ? CustomIds.Length : anthropic || _wrongCount < 0 ? null : _wrongCount,
            Error = state == BatchState.Failed ? Error : null,
            ResultFiles = files,
        };
    }

    /// <summary>Returns what a download of a result file brings; each may be another cut of the truth.</summary>
    public (byte[] Bytes, bool IsCut) Download(string file, SimProcess process)
    {
        var wanted = Results().Where(r => _world.Plan.Kind == ApiKind.Anthropic || r.IsError == file.EndsWith(".errors", StringComparison.Ordinal)).ToList();
        var plan = _world.Plan;
        var all = wanted.Select(r => r.Text).ToList();
        var calm = _world.Stage.IsCalm;
        if (_world.Chance(plan.MessyLines))
        {
            Shuffle(all);
            if (all.Count > 0)
            {
                all.Add(all[_world.Random.Next(all.Count)]);
            }

            // A file of nothing but a stranger's line would be a stranger's file.
            all.Insert(0, "");
            all.Add(all.Count == 1 ? "" : _world.Random.Next(2) == 0 ? "{\"custom_id\":\"nobody's\",\"response\":null,\"result\":{\"type\":\"errored\"}}" : "<html>no JSON</html>");
        }

        var text = string.Concat(all.Select(l => l + "\n"));
        var isCut = !calm && _world.Chance(plan.CutDownloads);
        if (isCut || (!calm && _world.Chance(plan.ShortDownloads)))
        {
            text = text[.._world.Random.Next(text.Length + 1)];
        }

        if (!isCut)
        {
            foreach (var (id, line, _) in wanted.Where(w => !text.Contains(w.Text + "\n", StringComparison.Ordinal)))
            {
                Unsee(id);
            }
        }

        return (Encoding.UTF8.GetBytes(text), isCut);
    }

    private List<string> FilesOf()
    {
        var results = Results();
        var late = _world.Now < EndsAt + _lateFiles;
        var files = new List<string>();
        if (results.Exists(r => !r.IsError))
        {
            files.Add(Id + ".output");
        }

        if (results.Exists(r => r.IsError))
        {
            files.Add(Id + ".errors");
        }

        if (late && files.Count > 0)
        {
            files.RemoveRange(_world.Random.Next(files.Count), 1);
        }

        return files;
    }

    private void NoteUnseen(SimProcess process, IReadOnlyList<string> files)
    {
        var results = Results();
        foreach (var id in CustomIds)
        {
            var line = results.FirstOrDefault(r => r.CustomId == id);
            if (line.Text is null || (_world.Plan.Kind != ApiKind.Anthropic && !files.Contains(Id + (line.IsError ? ".errors" : ".output"))))
            {
                Unsee(id);
            }
        }
    }

    private void Unsee(string id) => Unseen[id] = Unseen.GetValueOrDefault(id) + 1;

    /// <summary>Draws, once it has ended, what became of each line.</summary>
    private List<(string CustomId, string Text, bool IsError)> Results()
    {
        if (_results is not null)
        {
            return _results;
        }

        _results = [];
        var plan = _world.Plan;
        foreach (var id in CustomIds)
        {
            if (Intent is null || !CustomId.TryParse(Encoding.ASCII.GetBytes(id), out _, out var key))
            {
                _results.Add((id, Line(id, default, 1), false));
                continue;
            }

            var share = IsCancelled ? Math.Min(_share, _world.Random.NextDouble()) : _share;
            if (_world.Random.NextDouble() >= share)
            {
                _results.Add((id, Problem(id, IsCancelled ? "canceled" : "expired", false), true));
                _world.Account.Failed(key, false);
            }
            else if (_world.Chance(plan.PermanentLines))
            {
                _results.Add((id, Problem(id, "invalid_request_error", true), true));
                _world.Account.Failed(key, true);
            }
            else if (_world.Chance(plan.FailedLines))
            {
                _results.Add((id, Problem(id, "server_error", false), true));
                _world.Account.Failed(key, false);
            }
            else
            {
                var times = _world.Account.Executed(key, new Execution(this, null));
                if (!_world.Chance(plan.MissingLines))
                {
                    _results.Add((id, Line(id, key, times), false));
                }
            }
        }

        return _results;
    }

    private string Line(string id, RequestKey key, int times) => _world.Plan.Kind == ApiKind.Anthropic
        ? $$$"""{"custom_id":"{{{id}}}","result":{"type":"succeeded","message":{{{_world.Account.BodyOf(key, times)}}}}}"""
        : $$$"""{"custom_id":"{{{id}}}","response":{"status_code":200,"body":{{{_world.Account.BodyOf(key, times)}}}},"error":null}""";

    private string Problem(string id, string code, bool final) => _world.Plan.Kind != ApiKind.Anthropic
        ? $$$"""{"custom_id":"{{{id}}}","response":null,"error":{"code":"{{{code}}}","message":"no"}}"""
        : code is "expired" or "canceled"
        ? $$$"""{"custom_id":"{{{id}}}","result":{"type":"{{{code}}}"}}"""
        : $$$"""{"custom_id":"{{{id}}}","result":{"type":"errored","error":{"type":"error","error":{"message":"no","type":"{{{(final ? "invalid_request_error" : "api_error")}}}" } } } }""";

    private void Shuffle(List<string> lines)
    {
        for (var i = lines.Count - 1; i > 0; i--)
        {
            var j = _world.Random.Next(i + 1);
            (lines[i], lines[j]) = (lines[j], lines[i]);
        }
    }
}
