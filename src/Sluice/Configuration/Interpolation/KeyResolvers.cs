namespace Sluice.Configuration.Interpolation;

/// <summary>Resolvers whose argument is a key of the config.</summary>
internal static class KeyResolvers
{
    /// <summary>Resolves <c>${oc.select:key}</c> and <c>${oc.select:key,default}</c>; without a default, what is not there is null.</summary>
    public static Place Select(ResolverCall call)
    {
        call.Expect(1, 2);
        return call.Find(0).Found ?? (call.Arguments.Count == 2 ? call.Arguments[1] : call.Null());
    }

    /// <summary>Resolves <c>${oc.dict.keys:key}</c>.</summary>
    public static Place Keys(ResolverCall call)
    {
        Place place = Mapping(call);
        return place.Node is not ConfigMapping mapping ? place
            : Evaluator.Final(new ConfigSequence([.. mapping.Keys.Select(key => ConfigScalar.OfText(key, call.Mark))], call.Mark));
    }

    /// <summary>Resolves <c>${oc.dict.values:key}</c>.</summary>
    public static Place Values(ResolverCall call)
    {
        Place place = Mapping(call);
        return call.Evaluator.ResolveFrom(call.At, place) is not ConfigMapping mapping ? place
            : Evaluator.Final(new ConfigSequence([.. mapping.Entries.Select(static entry => entry.Value)], call.Mark));
    }

    /// <summary>Gives the place of the mapping, or a broken one.</summary>
    private static Place Mapping(ResolverCall call)
    {
        call.Expect(1, 1);
        Lookup lookup = call.Find(0);
        switch (lookup)
        {
            case { Failure: LookupFailure.Missing }:
                throw lookup.Error(call.Mark, suggests: false);
            case { Found: null }:
                throw call.Fail($"ConfigKeyError raised while resolving interpolation: Key not found: '{Say.Short(lookup.Path.Text)}'");
            case { Found: { Node: ConfigMapping mapping } found }:
                // Each call makes a list of its own.
                call.Evaluator.Spend(mapping.Entries.Count, call.Mark);
                return found;
            case { Found: { IsBroken: true } broken }:
                return broken;
            case { Found: var other }:
                throw call.Fail($"TypeError raised while resolving interpolation: `{call.Name}` cannot be applied to objects of type: "
                    + PythonText.TypeOf(other.Node));
        }
    }
}
