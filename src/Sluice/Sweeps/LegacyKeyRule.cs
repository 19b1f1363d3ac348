using Sluice.Configuration;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Sweeps;

/// <summary>Decides whose the answers are that were stored before the address was part of the key.</summary>
/// <remarks>
/// They count for the one server that the workspace is known to have asked for the model: by the ledger's servers and batches, and by the composed
/// configs of earlier runs. What is decided once stays, so that a server added later neither gets them nor takes them away.
/// </remarks>
internal static class LegacyKeyRule
{
    /// <summary>Returns the experiments with legacy keys only where those count.</summary>
    /// <param name="plans">The experiments of a command.</param>
    /// <param name="ledger">The ledger, or null when there is none yet.</param>
    /// <param name="providers">How accounts are reached.</param>
    /// <param name="runsFolder">Where composed configs of earlier runs lie.</param>
    /// <param name="records">Whether the command sends, so that its servers are entered in the ledger.</param>
    /// <param name="say">Told once for each model that such answers are used.</param>
    public static IReadOnlyList<ExperimentPlan> Apply(
        IReadOnlyList<ExperimentPlan> plans, LedgerStore? ledger, ProviderRegistry providers, string runsFolder, bool records, Action<string> say)
    {
        var configs = new Lazy<IReadOnlyList<ConfiguredServer>>(() => EarlierConfigs.In(runsFolder));
        var owners = new Dictionary<(string Provider, string Model), (string? Server, Action OnUse)>();
        foreach (var group in plans.SelectMany(p => p.Steps).GroupBy(s => (s.Route.Provider.Reference.Provider, s.Route.Model)))
        {
            var owner = OwnerOf(group.Key.Provider, group.Key.Model, [.. group]);
            owners.Add(group.Key, (owner, Once(() => say(
                $"answers stored before the address was part of the key are used for model `{group.Key.Model}` at {owner}; `cache.legacy_keys: false` asks again"))));
        }

        return [.. plans.Select(plan => plan.Steps.All(s => s.Legacy is null) ? plan : plan.With([.. plan.Steps.Select(Decide)]))];

        StepPlan Decide(StepPlan step)
        {
            var (owner, onUse) = owners[(step.Route.Provider.Reference.Provider, step.Route.Model)];
            return step with { Legacy = step.Server is not null && step.Server == owner ? step.Legacy?.Telling(onUse) : null };
        }

        string? OwnerOf(string provider, string model, IReadOnlyList<StepPlan> steps)
        {
            var known = ledger?.ServersOf(provider, model) ?? [];
            var mine = steps.Select(s => s.Server ?? "").Distinct(StringComparer.Ordinal).Where(s => known.All(k => k.Server != s)).ToList();
            if (mine.Count == 0)
            {
                return Legacy(known);
            }

            // The first command since keys have addresses: where the model was asked before tells whose the answers are.
            var isOnlyOne = known.Count == 0 && mine is [{ Length: > 0 }] && steps.All(s => AddressesOf(provider, model).All(a => a == (providers.KeyAddress(provider, s.Options?.Model.BaseUrl) ?? "")));
            var added = mine.Select(s => new KnownServer(s, isOnlyOne)).ToList();
            return Legacy(records && ledger is not null ? ledger.AddServers(provider, model, added) : [.. known, .. added]);
        }

        IEnumerable<string> AddressesOf(string provider, string model)
        {
            foreach (var reference in ledger?.ReferencesOf(provider, model) ?? [])
            {
                yield return providers.KeyAddress(provider, reference.BaseUrl) ?? "";
            }

            foreach (var server in configs.Value.Where(c => c.Provider == provider && c.Model == model && IsAddress(c.BaseUrl)))
            {
                yield return providers.KeyAddress(provider, server.BaseUrl) ?? "";
            }
        }
    }

    private static bool IsAddress(string? baseUrl) => baseUrl is null || Uri.TryCreate(baseUrl, UriKind.Absolute, out _);

    private static string? Legacy(IReadOnlyList<KnownServer> servers)
    {
        var owner = servers.FirstOrDefault(s => s.HasLegacyAnswers);
        return owner == default ? null : owner.Server;
    }

    private static Action Once(Action action)
    {
        var isDone = 0;
        return () =>
        {
            if (Interlocked.Exchange(ref isDone, 1) == 0)
            {
                action();
            }
        };
    }
}

/// <summary>Where a composed config of an earlier run asks a model.</summary>
/// <param name="Provider">The provider's registered name.</param>
/// <param name="Model">The model.</param>
/// <param name="BaseUrl">The configured address, or null.</param>
internal readonly record struct ConfiguredServer(string Provider, string Model, string? BaseUrl);

/// <summary>Reads which servers the composed configs of earlier runs name.</summary>
internal static class EarlierConfigs
{
    private static readonly EnumerationOptions TwoLevels = new() { RecurseSubdirectories = true, MaxRecursionDepth = 2, IgnoreInaccessible = true };

    /// <summary>Returns the servers, each once; a file that is no config says nothing.</summary>
    public static IReadOnlyList<ConfiguredServer> In(string runsFolder) =>
        Directory.Exists(runsFolder) ? [.. Directory.EnumerateFiles(runsFolder, "config.yaml", TwoLevels).SelectMany(Read).Distinct()] : [];

    private static IEnumerable<ConfiguredServer> Read(string path)
    {
        ConfigMapping config;
        try
        {
            config = ConfigFile.Read(path, "/");
        }
        catch (Exception error) when (error is ConfigException or IOException or UnauthorizedAccessException)
        {
            return [];
        }

        var models = new List<ConfigNode?> { Member(config, "model") };
        if (Member(config, "steps") is ConfigSequence steps)
        {
            models.AddRange(steps.Items.OfType<ConfigMapping>().Select(step => Member(step, "model")));
        }

        return models.OfType<ConfigMapping>()
            .Select(model => (Provider: Text(model, "provider"), Model: Text(model, "name"), BaseUrl: Text(model, "base_url")))
            .Where(m => m is { Provider: not null, Model: not null })
            .Select(m => new ConfiguredServer(m.Provider!, m.Model!, m.BaseUrl));
    }

    private static ConfigNode? Member(ConfigMapping mapping, string name) => mapping.TryGet(name, out var node) ? node : null;

    private static string? Text(ConfigMapping mapping, string name) => Member(mapping, name) is ConfigScalar { Type: not ScalarKind.Null } scalar ? scalar.Text : null;
}
