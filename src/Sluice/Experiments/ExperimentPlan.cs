using System.Text.Json.Nodes;
using Sluice.Experiments.Scoring;
using Sluice.Experiments.Templates;
using Sluice.Pricing;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Experiments;

/// <summary>An experiment made ready to run: templates parsed, bodies compiled, scorers and routes at hand. Immutable and thread-safe.</summary>
public sealed class ExperimentPlan
{
    private ExperimentPlan(Experiment experiment, IReadOnlyList<StepPlan> steps, IReadOnlyList<ScorePlan> scores, CachePolicy caching)
    {
        Experiment = experiment;
        Caching = caching;
        Steps = steps;
        Scores = scores;
        StepNames = [.. steps.Select(s => s.Name)];
        EarlierSteps = [.. steps.Select((_, i) => StepNames.Take(i).ToArray())];
    }

    /// <summary>Gets what it was made from.</summary>
    public Experiment Experiment { get; }

    /// <summary>Gets how its requests use the cache.</summary>
    public CachePolicy Caching { get; }

    /// <summary>Gets what <c>now</c> is in its templates: one time for all replays, or a prompt would be another each time. Null when the sweep's manifest, which had it, is damaged or lost.</summary>
    public DateTimeOffset? Now { get; private init; }

    internal IReadOnlyList<StepPlan> Steps { get; }

    internal IReadOnlyList<ScorePlan> Scores { get; }

    internal IReadOnlyList<string> StepNames { get; }

    /// <summary>Gets, by step, the names of the steps before it.</summary>
    internal IReadOnlyList<IReadOnlyList<string>> EarlierSteps { get; }

    /// <summary>Gets the accounts that the experiment sends to.</summary>
    public IEnumerable<IProvider> Providers => Steps.Select(s => s.Route.Provider).Distinct();

    /// <summary>Returns the same experiment with other steps.</summary>
    internal ExperimentPlan With(IReadOnlyList<StepPlan> steps) => new(Experiment, steps, Scores, Caching) { Now = Now };

    /// <summary>Returns the same experiment at another time.</summary>
    internal ExperimentPlan At(DateTimeOffset? now) => new(Experiment, Steps, Scores, Caching) { Now = now };

    /// <summary>Compiles a whole sweep and reports every mistake in it at once.</summary>
    /// <param name="experiments">The experiments.</param>
    /// <param name="providers">Where their models are.</param>
    /// <param name="prices">What those cost.</param>
    /// <param name="start">When the command began: expiry counts from here, and it is what <c>now</c> is in templates.</param>
    /// <exception cref="SluiceException">At least one experiment has a mistake.</exception>
    public static IReadOnlyList<ExperimentPlan> Compile(IReadOnlyList<Experiment> experiments, ProviderRegistry providers, PriceList prices, DateTimeOffset start)
    {
        ArgumentNullException.ThrowIfNull(experiments);
        var mistakes = new List<string>();
        var routes = new RouteTable(providers, prices);
        var plans = new List<ExperimentPlan>();
        // A compiled pattern is large, and the jobs of a multirun mostly score alike.
        var scores = new Dictionary<ScoreOptions, ScorePlan>();
        foreach (var experiment in experiments)
        {
            plans.Add(new ExperimentPlan(experiment, CompileSteps(experiment, routes, mistakes), CompileScores(experiment, scores, mistakes), experiment.Cache.At(start)) { Now = start });
        }

        return mistakes.Count == 0 ? plans : throw new SluiceException(
            ErrorKind.Usage,
            mistakes.Count == 1 ? mistakes[0] : $"{mistakes.Count} mistakes:\n{string.Join('\n', mistakes)}",
            "mend the configuration and run again; nothing was sent");
    }

    private static List<StepPlan> CompileSteps(Experiment experiment, RouteTable routes, List<string> mistakes)
    {
        var steps = new List<StepPlan>();
        foreach (var step in experiment.Steps)
        {
            try
            {
                steps.Add(StepPlan.Compile(step, routes.Get(step.Model), routes.ServerOf(step.Model), experiment.Cache, problem => mistakes.Add($"{experiment.Source}: step `{step.Name}`: {problem}")));
            }
            catch (Exception error) when (error is FormatException or SluiceException { Kind: ErrorKind.Usage })
            {
                var hint = error is SluiceException { Hint: { } text } ? $" ({text})" : "";
                mistakes.Add($"{experiment.Source}: step `{step.Name}`: {error.Message}{hint}");
            }
        }

        return steps;
    }

    private static List<ScorePlan> CompileScores(Experiment experiment, Dictionary<ScoreOptions, ScorePlan> known, List<string> mistakes)
    {
        var scores = new List<ScorePlan>();
        foreach (var score in experiment.Scores)
        {
            try
            {
                if (!known.TryGetValue(score, out var plan))
                {
                    plan = new ScorePlan(score.Name, Scorer.Create(score), Template.Parse(score.Value), Template.Parse(score.Target));
                    known.Add(score, plan);
                }

                scores.Add(plan);
            }
            catch (Exception error) when (error is FormatException or SluiceException { Kind: ErrorKind.Usage })
            {
                mistakes.Add($"{experiment.Source}: score `{score.Name}`: {error.Message}");
            }
        }

        return scores;
    }
}

/// <summary>A step made ready to run.</summary>
internal sealed record StepPlan(string Name, Route Route, BodyTemplate Body, byte[] KeyPrefix)
{
    /// <summary>Gets what messages call it.</summary>
    public string Label { get; } = $"step `{Name}`";

    /// <summary>Gets the limit on output tokens that the body asks for, or null; for estimates.</summary>
    public long? MaxOutputTokens { get; private init; }

    /// <summary>Gets the server's name or address that is part of the keys; null where none is.</summary>
    public string? Server { get; private init; }

    /// <summary>Gets the keys that earlier versions gave the requests, when answers under them count; else null.</summary>
    public LegacyKeys? Legacy { get; init; }

    /// <summary>Gets the prompt as the config has it: <c>system</c> and <c>user</c> stand at different places in each provider's body.</summary>
    public StepOptions? Options { get; private init; }

    /// <summary>Returns what the config calls a templated field of the body; past the last one it is the body as a whole.</summary>
    public string FieldName(int field)
    {
        if (field >= Body.Fields.Count)
        {
            return "body";
        }

        var (path, source) = Body.Fields[field];
        return source == Options?.User ? "user" : source == Options?.System ? "system" : Options?.Body is null ? path : $"body.{path}";
    }

    /// <summary>Compiles a step.</summary>
    /// <exception cref="FormatException">A template cannot be read.</exception>
    public static StepPlan Compile(StepOptions step, Route route, string? server, CacheOptions cache, Action<string> mistake)
    {
        var dialect = route.Provider.Dialect;
        var templated = step.Body is not null ? (JsonObject)step.Body.DeepClone() : dialect.Prompt(step.System, step.User, step.Messages);
        var literal = (JsonObject)step.Model.Params.DeepClone();
        // Transport-only: whether an answer is streamed changes neither it nor its key.
        templated.Remove("stream");
        literal.Remove("stream");
        if (!templated.ContainsKey("model"))
        {
            literal["model"] = step.Model.Name;
        }

        var merged = (JsonObject)literal.DeepClone();
        foreach (var (name, value) in templated)
        {
            merged[name] = value?.DeepClone();
        }

        foreach (var problem in dialect.Check(merged))
        {
            mistake(problem);
        }

        var max = merged["max_tokens"] ?? merged["max_completion_tokens"] ?? merged["max_output_tokens"];
        return new StepPlan(step.Name, route, BodyTemplate.Compile(templated, literal), RequestKey.Prefix(RequestKey.DialectAt(dialect.Name, server), dialect.Endpoint, cache.Scope))
        {
            Options = step,
            Server = server,
            Legacy = server is null || !cache.LegacyKeys ? null : new LegacyKeys(RequestKey.Prefix(dialect.Name, dialect.Endpoint, cache.Scope)),
            MaxOutputTokens = max is JsonValue && long.TryParse(max.ToJsonString(), out var limit) ? limit : null,
        };
    }
}

/// <summary>A score made ready to run.</summary>
internal sealed record ScorePlan(string Name, Scorer Scorer, Template Value, Template Target)
{
    /// <summary>Gets what messages call it.</summary>
    public string Label { get; } = $"score `{Name}`";
}

/// <summary>One route per distinct model of a sweep.</summary>
internal sealed class RouteTable(ProviderRegistry providers, PriceList prices)
{
    private readonly Dictionary<(IProvider Provider, string Model, ModelPrice? Price), Route> _routes = [];

    /// <summary>Returns the server that is part of a model's keys: its name, else its address; null where none is.</summary>
    public string? ServerOf(ModelOptions model) => model.Server ?? providers.KeyAddress(model.Provider, model.BaseUrl);

    /// <summary>Returns the route of a model.</summary>
    /// <exception cref="SluiceException">The provider or its api is not known.</exception>
    public Route Get(ModelOptions model)
    {
        var provider = providers.Get(model.Provider, model.Api, model.BaseUrl, model.ApiKeyEnv);
        var key = (provider, model.Name, model.Price);
        if (!_routes.TryGetValue(key, out var route))
        {
            route = new Route(provider, model.Name, model.Price ?? prices.Find(model.Provider, model.Name));
            _routes.Add(key, route);
        }

        return route;
    }
}
