namespace Sluice.Configuration.Interpolation;

/// <summary>Resolves <c>${oc.deprecated:key}</c> and <c>${oc.deprecated:key,message}</c>: the value at the key, with a warning.</summary>
internal sealed class DeprecatedResolver(Action<SourceMark, string>? warn)
{
    private const string Usual = "'$OLD_KEY' is deprecated. Change your code and config to use '$NEW_KEY'";

    public Place Resolve(ResolverCall call)
    {
        call.Expect(1, 2);
        string message = call.Arguments.Count == 2 ? call.Text(1) : Usual;
        Lookup lookup = call.Find(0);
        if (lookup.Failure == LookupFailure.Missing)
        {
            throw lookup.Error(call.Mark, suggests: false);
        }

        Place found = lookup.Found ?? throw call.Fail(
            "ConfigKeyError raised while resolving interpolation: In oc.deprecated resolver at "
            + $"'{call.At.FullKey}': Key not found: '{Say.Short(lookup.Path.Text)}'");
        warn?.Invoke(call.Mark, message
            .Replace("$OLD_KEY", call.At.FullKey, StringComparison.Ordinal)
            .Replace("$NEW_KEY", found.FullKey, StringComparison.Ordinal));
        return found;
    }
}
