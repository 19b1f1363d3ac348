namespace Sluice.Configuration;

/// <summary>Resolves <c>${oc.env:NAME}</c> and <c>${oc.env:NAME,default}</c>, also written <c>env:</c>.</summary>
internal sealed class EnvironmentReferences(Func<string, string?> environment)
{
    private static readonly string[] SecretWords = ["KEY", "TOKEN", "SECRET", "PASSWORD"];

    /// <summary>Gives the variable's value as text, or the default with its own type.</summary>
    /// <returns>The value, or null with the problem and a hint.</returns>
    public ConfigScalar? Resolve(string reference, SourceMark mark, out string? problem, out string? hint)
    {
        int colon = reference.IndexOf(':', StringComparison.Ordinal);
        string resolver = reference[..colon].Trim();
        if (resolver is not ("oc.env" or "env"))
        {
            problem = $"{Say.Quoted("${" + reference + "}")}: {Say.Quoted(resolver)} is not known";
            hint = NearestName.Hint(resolver, ["oc.env", "env"]) ?? "known: oc.env, env";
            return null;
        }

        string[] arguments = reference[(colon + 1)..].Split(',', 2, StringSplitOptions.TrimEntries);
        string name = arguments[0];

        // A composed config is written to disk, where no secret may go.
        if (SecretWords.Contains(name.Split('_')[^1], StringComparer.OrdinalIgnoreCase))
        {
            problem = $"the environment variable {Say.Quoted(name)} looks like a secret, and a composed config is saved to disk";
            hint = $"name the variable instead: api_key_env: {name}";
            return null;
        }

        (problem, hint) = (null, null);
        if (environment(name) is { } value)
        {
            return ConfigScalar.OfText(value, mark);
        }

        if (arguments.Length == 2)
        {
            return Default(arguments[1], mark);
        }

        problem = $"the environment variable {Say.Quoted(name)} is not set";
        hint = $"set it, or give a default: ${{{resolver}:{name},...}}";
        return null;
    }

    private static ConfigScalar Default(string text, SourceMark mark)
    {
        if (text.Length == 0)
        {
            return ConfigScalar.OfText(text, mark);
        }

        if (text.Length >= 2 && text[0] is '"' or '\'' && text[^1] == text[0])
        {
            return ConfigScalar.OfText(text[1..^1], mark);
        }

        ConfigScalar typed = ScalarTyping.TypeOf(text, mark);
        return typed.Type != ScalarKind.Null ? ConfigScalar.OfText(ScalarText.Of(typed), mark) : typed;
    }
}
