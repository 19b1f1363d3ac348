namespace Sluice.Configuration.Interpolation;

/// <summary>Resolves the interpolations of a composed config: lazily, each value once.</summary>
/// <param name="root">The composed config, not resolved.</param>
/// <param name="resolvers">What <c>${name:...}</c> may call.</param>
/// <param name="report">Gets each error once, with the path of the value that it is in; that value is then broken.</param>
internal sealed class Interpolator(
    ConfigMapping root, ResolverSet resolvers, Action<IReadOnlyList<string>, ConfigException> report)
{
    private readonly Evaluator _evaluator = new(root, resolvers, report);

    // Errors are not to be forgotten because somebody has peeked, so peeking remembers for itself.
    private readonly Lazy<Evaluator> _peeking = new(() => new Evaluator(root, resolvers, static (_, _) => { }));

    /// <summary>Gets the top-level keys that anything resolved so far refers to.</summary>
    public IReadOnlySet<string> Referred => _evaluator.Referred;

    /// <summary>Gives the config with everything in it resolved.</summary>
    /// <remarks>After an error that concerns the config as a whole, such as its size, it comes back as it was.</remarks>
    public ConfigMapping ResolveAll() => _evaluator.Resolve(_evaluator.Top) as ConfigMapping ?? root;

    /// <summary>Gives the value at a path with everything in it resolved, or null when there is none.</summary>
    /// <remarks>The path may lead through interpolations. A <c>???</c> stays as it is.</remarks>
    public ConfigNode? Resolve(IReadOnlyList<string> path)
    {
        Place? place = _evaluator.Top;
        try
        {
            foreach (string key in path)
            {
                place = _evaluator.Follow(place).Inner(key);
                if (place is null)
                {
                    return null;
                }
            }
        }
        catch (ConfigException exception)
        {
            _evaluator.Report(place!, exception);
            return ConfigScalar.Broken(place!.Node.Mark);
        }

        return _evaluator.Resolve(place);
    }

    /// <summary>Gives the value that a path leads to, not resolved, or null when there is none or it cannot be reached.</summary>
    /// <remarks>Interpolations on the way and at the end are followed. Nothing is reported.</remarks>
    public ConfigNode? Peek(IReadOnlyList<string> path)
    {
        try
        {
            Place? place = _peeking.Value.Top;
            for (int i = 0; i < path.Count && place is not null; i++)
            {
                place = _peeking.Value.Follow(place).Inner(path[i]);
            }

            return place is null || _peeking.Value.Follow(place) is not { IsBroken: false } end ? null : end.Node;
        }
        catch (ConfigException)
        {
            return null;
        }
    }
}
