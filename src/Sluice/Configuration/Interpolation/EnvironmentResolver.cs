namespace Sluice.Configuration.Interpolation;

/// <summary>Resolves <c>${oc.env:NAME}</c> and <c>${oc.env:NAME,default}</c>; the result is text, or null for a default of null.</summary>
/// <param name="environment">Gives a variable's value.</param>
/// <param name="secrets">What becomes of a variable that sounds like a secret.</param>
internal sealed class EnvironmentResolver(Func<string, string?> environment, SecretUse secrets)
{
    private static readonly string[] SecretWords = ["KEY", "TOKEN", "SECRET", "PASSWORD"];

    /// <summary>Says whether a name sounds like that of a secret.</summary>
    public static bool IsSecret(string name) => SecretWords.Contains(name.Split('_')[^1], StringComparer.OrdinalIgnoreCase);

    public Place Resolve(ResolverCall call)
    {
        call.Expect(1, 2);
        string name = call.Text(0);

        if (secrets == SecretUse.Name && IsSecret(name))
        {
            return call.OfText($"${{oc.env:{name}}}");
        }

        // A composed config is written to disk, where no secret may go.
        if (secrets == SecretUse.Refuse && IsSecret(name))
        {
            throw call.Fail(
                $"the environment variable {Say.Quoted(name)} looks like a secret, and a composed config is saved to disk",
                $"name the variable instead: api_key_env: {name}");
        }

        if (environment(name) is { } value)
        {
            return call.OfText(value);
        }

        return call.Arguments.Count == 2 ? Default(call)
            : throw call.Fail($"Environment variable '{Say.Short(name)}' not found", $"set it, or give a default: ${{oc.env:{Say.Short(name)},...}}");
    }

    private static Place Default(ResolverCall call)
    {
        ConfigNode value = call.Arguments[1].Node;
        if (value is ConfigScalar { Type: ScalarKind.Null })
        {
            return call.Null();
        }

        call.Evaluator.Spend(value.Characters + value.Nodes, call.Mark);
        return call.OfText(PythonText.Of(value));
    }
}
