namespace Sluice.Configuration.Interpolation;

/// <summary>The resolvers that a config may call.</summary>
internal sealed class ResolverSet
{
    private readonly Dictionary<string, Resolver> _resolvers;

    public ResolverSet(ResolverContext context)
    {
        _resolvers = new Dictionary<string, Resolver>(StringComparer.Ordinal)
        {
            ["oc.env"] = new EnvironmentResolver(context.Environment, context.Secrets).Resolve,
            ["oc.decode"] = ValueResolvers.Decode,
            ["oc.create"] = ValueResolvers.Create,
            ["oc.select"] = KeyResolvers.Select,
            ["oc.dict.keys"] = KeyResolvers.Keys,
            ["oc.dict.values"] = KeyResolvers.Values,
            ["oc.deprecated"] = new DeprecatedResolver(context.Warn).Resolve,
            ["now"] = new NowResolver(context.Clock).Resolve,
            ["hydra"] = new HydraResolver(context.Hydra).Resolve,
        };
        foreach ((string name, ConfigNode value) in context.Given)
        {
            _resolvers[name] = call => call.Evaluator.Given(name, value);
        }
    }

    /// <summary>Gives the resolver with a name.</summary>
    /// <exception cref="ConfigException">There is none.</exception>
    public Resolver Named(string name, SourceMark mark) => _resolvers.TryGetValue(name, out Resolver? resolver)
        ? resolver
        : throw new ConfigException(ConfigErrorKind.Interpolation, mark, $"Unsupported interpolation type {Say.Short(name)}", Hint(name));

    private string Hint(string name)
    {
        string? meant = _resolvers.Keys.FirstOrDefault(known => known.EndsWith("." + name, StringComparison.Ordinal))
            ?? NearestName.Of(name, _resolvers.Keys);
        string shown = Say.Short(name);
        return meant is not null
            ? $"did you mean \"{meant}\"?"
            : "a resolver that is registered in Python code cannot run here; give the value that it would have, with "
                + $"sluice.resolvers: {{{shown}: value}} in the config or +sluice.resolvers.{shown}=value on the command line";
    }
}
