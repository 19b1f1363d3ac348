namespace Sluice.Configuration.Overrides;

/// <summary>A function in an override, with its arguments evaluated and quotes around them taken off.</summary>
/// <param name="Name">The function.</param>
/// <param name="Positional">The arguments without names.</param>
/// <param name="Named">The arguments with names.</param>
/// <param name="OverrideText">The whole override.</param>
/// <param name="Start">The function's place in it.</param>
/// <param name="Written">The call as written.</param>
internal sealed record FunctionCall(
    string Name,
    IReadOnlyList<OverrideValue> Positional,
    IReadOnlyDictionary<string, OverrideValue> Named,
    string OverrideText,
    int Start,
    string Written)
{
    /// <summary>Makes the error that says why the call cannot be evaluated.</summary>
    public ConfigException Refused(string why) => OverrideMistake.Function(OverrideText, Start, $"{Say.Short(Written)}: {why}");

    /// <summary>Gives each parameter its argument, or null; named arguments other than these are refused.</summary>
    public OverrideValue?[] Bind(params ReadOnlySpan<string> parameters)
    {
        if (Positional.Count > parameters.Length)
        {
            throw Refused("too many positional arguments");
        }

        var bound = new OverrideValue?[parameters.Length];
        for (int i = 0; i < Positional.Count; i++)
        {
            bound[i] = Positional[i];
        }

        foreach ((string name, OverrideValue value) in Named)
        {
            int place = parameters.IndexOf(name);
            bound[place < 0 ? throw Refused($"got an unexpected keyword argument '{name}'") : place] =
                place < Positional.Count ? throw Refused($"multiple values for argument '{name}'") : value;
        }

        return bound;
    }

    /// <summary>Refuses named arguments other than these.</summary>
    public void AllowNames(params ReadOnlySpan<string> names)
    {
        foreach (string given in Named.Keys)
        {
            if (!names.Contains(given))
            {
                throw Refused($"got an unexpected keyword argument '{given}'");
            }
        }
    }
}
