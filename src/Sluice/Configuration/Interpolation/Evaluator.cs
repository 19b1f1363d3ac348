using System.Globalization;
using System.Text;

namespace Sluice.Configuration.Interpolation;

/// <summary>Follows interpolations and resolves values, each place at most once.</summary>
internal sealed class Evaluator(ConfigMapping root, ResolverSet resolvers, Action<IReadOnlyList<string>, ConfigException> report)
{
    private const string Recursion = "Recursive interpolation detected";

    private readonly InterpolationBudget _budget = new();
    private readonly List<Place> _chain = [];
    private readonly Dictionary<ConfigException, Place> _origins = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<ConfigException> _reported = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, Place> _given = new(StringComparer.Ordinal);

    public Place Top { get; } = new(root);

    public HashSet<string> Referred { get; } = new(StringComparer.Ordinal);

    public static Place Final(ConfigNode node) => new(node, isFinal: true);

    /// <summary>Gives the value with everything in it resolved; what fails is reported and broken.</summary>
    public ConfigNode Resolve(Place place)
    {
        if (place.IsFinal)
        {
            return place.Node;
        }

        if (place.Resolved is { } known)
        {
            return known;
        }

        try
        {
            _budget.Enter(place.Node.Mark);
            place.IsUnderWay = true;
            try
            {
                return place.Resolved = Made(place);
            }
            finally
            {
                place.IsUnderWay = false;
                _budget.Leave();
            }
        }
        catch (ConfigException exception)
        {
            Report(place, exception);
            return place.Resolved = ConfigScalar.Broken(place.Node.Mark);
        }
    }

    /// <summary>Gives the resolved value of a place that an interpolation refers to.</summary>
    /// <exception cref="ConfigException">The interpolation stands in that very value.</exception>
    public ConfigNode ResolveFrom(Place referrer, Place target) =>
        !target.IsUnderWay ? Resolve(target) : throw Problem(
            Recursion, referrer.Node.Mark, $"{referrer.FullKey} stands in {(target == Top ? "the config" : target.FullKey)} itself");

    /// <summary>Follows an interpolated value to the place that it leads to in the end; any other place is its own end.</summary>
    /// <exception cref="ConfigException">It leads nowhere.</exception>
    public Place Follow(Place place)
    {
        if (!place.IsInterpolated)
        {
            return place;
        }

        if (place.Failure is { } failure)
        {
            throw failure;
        }

        if (place.Target is not null)
        {
            return place.Target;
        }

        SourceMark referring = _chain.Count > 0 ? _chain[^1].Node.Mark : place.Node.Mark;
        if (place.IsFollowed)
        {
            throw Recursive(place, referring);
        }

        if (_chain.Count >= ConfigLimits.References)
        {
            throw Problem("more than 64 interpolations lead from one to the next", referring);
        }

        _chain.Add(place);
        place.IsFollowed = true;
        try
        {
            return place.Target = Evaluate(InterpolationSyntax.Parse((ConfigScalar)place.Node), place);
        }
        catch (ConfigException exception)
        {
            _origins.TryAdd(exception, place);
            place.Failure = exception;
            throw;
        }
        finally
        {
            place.IsFollowed = false;
            _chain.RemoveAt(_chain.Count - 1);
        }
    }

    /// <summary>Evaluates what is written in a place.</summary>
    /// <returns>A place that is not interpolated.</returns>
    /// <exception cref="ConfigException">The expression cannot be evaluated.</exception>
    public Place Evaluate(Expression expression, Place at)
    {
        _budget.Enter(at.Node.Mark);
        try
        {
            return expression switch
            {
                Literal literal => Final(literal.Value),
                Concatenation text => Final(Joined(text.Parts, at)),
                ListLiteral list => Final(Bounded(new ConfigSequence([.. list.Items.Select(Value)], at.Node.Mark))),
                MappingLiteral mapping => Final(Bounded(new ConfigMapping(
                    [.. mapping.Entries.Select(entry => new ConfigEntry(entry.Key, at.Node.Mark, Value(entry.Value)))], at.Node.Mark))),
                Reference reference => Target(reference, at),
                Call call => Called(call, at),
                _ => throw new InvalidOperationException($"an expression of an unknown kind: {expression}"),
            };
        }
        finally
        {
            _budget.Leave();
        }

        ConfigNode Value(Expression part) => ResolveFrom(at, Evaluate(part, at));
    }

    /// <summary>Finds the place that a key names, seen from another one, through interpolations on the way and at the end.</summary>
    /// <exception cref="ConfigException">The key cannot be looked up at all.</exception>
    public Lookup Find(KeyPath path, Place from)
    {
        Place place = Start(path, from);
        for (int i = 0; i < path.Segments.Count; i++)
        {
            place = Follow(place);
            LookupFailure failure = place.IsMissing ? LookupFailure.Missing
                : place.Node is ConfigScalar ? LookupFailure.NotContainer
                : LookupFailure.None;
            if (place.IsBroken)
            {
                return new Lookup(path, place);
            }

            if (failure != LookupFailure.None)
            {
                return new Lookup(path, place, failure, i);
            }

            string key = path.Segments[i];
            if (place.Node is ConfigSequence && !IsIndex(key))
            {
                throw Problem($"TypeError raised while resolving interpolation: Index '{Say.Short(key)}' (str) is not an int",
                    from.Node.Mark, "the items of a list are counted from 0");
            }

            if (place.Inner(key) is not { } inner)
            {
                return NotFound(new Lookup(path, place, LookupFailure.NotFound, i));
            }

            Refer(i == 0 ? inner : null);
            place = inner;
        }

        place = Follow(place);
        return new Lookup(path, place, place.IsMissing ? LookupFailure.Missing : LookupFailure.None, path.Segments.Count);
    }

    /// <summary>Finds the place that a key names.</summary>
    /// <exception cref="ConfigException">There is none.</exception>
    public Place FindOrFail(KeyPath path, Place from)
    {
        Lookup lookup = Find(path, from);
        return lookup.Found ?? throw lookup.Error(from.Node.Mark, _budget.MaySuggest());
    }

    /// <summary>Gives the place of a value that the user gave for a resolver; its interpolations are counted from the top.</summary>
    public Place Given(string name, ConfigNode node)
    {
        if (!_given.TryGetValue(name, out Place? place))
        {
            _given[name] = place = new Place(node, Top, name);
        }

        return Follow(place);
    }

    public void Spend(long characters, SourceMark mark) => _budget.Spend(characters, mark);

    /// <summary>Reports an error once, for the place in which it arose.</summary>
    public void Report(Place place, ConfigException exception)
    {
        if (_reported.Add(exception))
        {
            report(_origins.GetValueOrDefault(exception, place).Path, exception);
        }
    }

    private static ConfigException Problem(string message, SourceMark mark, string? hint = null) =>
        new(ConfigErrorKind.Interpolation, mark, message, hint);

    private static bool IsIndex(string key) => int.TryParse(key, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    private static ConfigNode Bounded(ConfigNode node) =>
        ConfigLimits.Broken(node) is { } limit ? throw Problem(limit, node.Mark) : node;

    private ConfigNode Made(Place place)
    {
        switch (place.Node)
        {
            case ConfigMapping mapping:
                return Bounded(new ConfigMapping(
                    [.. mapping.Entries.Select(entry => entry with { Value = Resolve(place.Inner(entry.Key)!) })], mapping.Mark));
            case ConfigSequence sequence:
                return Bounded(new ConfigSequence(
                    [.. sequence.Items.Select((_, index) => Resolve(place.Inner(index.ToString(CultureInfo.InvariantCulture))!))], sequence.Mark));
            case var _ when place.IsInterpolated:
                ConfigNode value = ResolveFrom(place, Follow(place));
                return value is ConfigScalar scalar ? scalar.At(place.Node.Mark) : value;
            case var plain:
                return plain;
        }
    }

    private ConfigScalar Joined(IReadOnlyList<Expression> parts, Place at)
    {
        var text = new StringBuilder();
        bool broken = false;
        foreach (Expression part in parts)
        {
            // As in Hydra, the interpolations within a mapping or list stay as they are when it becomes text.
            Place value = Evaluate(part, at);
            Spend(value.Node.Characters + value.Node.Nodes, at.Node.Mark);
            text.Append(PythonText.Of(value.Node));
            broken |= value.IsBroken;
        }

        return broken ? ConfigScalar.Broken(at.Node.Mark) : ConfigScalar.OfText(text.ToString(), at.Node.Mark);
    }

    private Place Target(Reference reference, Place at)
    {
        string key = Name(reference.Key, at, static (source, value) =>
            "The following interpolation is used to denote a config key and thus should return a string, but instead returned "
            + $"`{Say.Short(PythonText.Of(value))}` of type `<class '{PythonText.TypeOf(value)}'>`: {Say.Short(source)}");
        return key.Length > ConfigLimits.ReferenceCharacters
            ? throw Problem($"a key of {key.Length} characters; {ConfigLimits.ReferenceCharacters} are allowed", at.Node.Mark)
            : FindOrFail(KeyPath.Parse(key), at);
    }

    private Place Called(Call call, Place at)
    {
        string name = Name(call.Name, at, static (source, value) =>
            $"The name of a resolver must be a string, but the interpolation {Say.Short(source)} resolved to "
            + $"`{Say.Short(PythonText.Of(value))}` which is of type <class '{PythonText.TypeOf(value)}'>");
        Resolver resolver = resolvers.Named(name, at.Node.Mark);
        Place[] arguments = [.. call.Arguments.Select(argument => Evaluate(argument, at))];
        return Array.Find(arguments, static argument => argument.IsBroken) ?? resolver(new ResolverCall(this, name, arguments, at));
    }

    /// <summary>Joins the parts of a key or name; a nested interpolation must give text.</summary>
    private string Name(IReadOnlyList<Expression> parts, Place at, Func<string, ConfigNode, string> refusal)
    {
        var name = new StringBuilder();
        foreach (Expression part in parts)
        {
            ConfigNode value = Evaluate(part, at).Node;
            if (value is not ConfigScalar { Type: ScalarKind.Text } text)
            {
                throw Problem(refusal((part as Reference)?.Source ?? ((Call)part).Source, value), at.Node.Mark);
            }

            if (part is not Literal)
            {
                Spend(text.Text.Length, at.Node.Mark);
            }

            name.Append(text.Text);
        }

        return name.ToString();
    }

    private Place Start(KeyPath path, Place from)
    {
        if (path.Dots == 0)
        {
            return Top;
        }

        Place? container = from;
        for (int i = 0; i < path.Dots && container is not null; i++)
        {
            container = container.Container;
        }

        return container ?? throw Problem(
            $"ConfigKeyError while resolving interpolation: Error resolving key '{Say.Short(path.Text)}'", from.Node.Mark,
            "one dot is the mapping or list around the value, and each further dot one more; there are not that many");
    }

    /// <summary>Notes which top-level key the first step of a key is below.</summary>
    private void Refer(Place? place)
    {
        while (place is not null && place.Container != Top)
        {
            place = place.Container;
        }

        if (place is not null)
        {
            Referred.Add(place.Key);
        }
    }

    private Lookup NotFound(Lookup lookup)
    {
        // Otherwise the key that was meant would be called unused as well.
        if (lookup.Reached == Top && _budget.MaySuggest() && lookup.Nearest() is { } meant)
        {
            Referred.Add(meant);
        }

        return lookup;
    }

    private ConfigException Recursive(Place place, SourceMark mark)
    {
        IEnumerable<string> way = _chain.Skip(_chain.IndexOf(place)).Append(place).Select(static step => step.FullKey);
        return Problem(Recursion, mark, "the way is " + string.Join(" -> ", way));
    }
}
