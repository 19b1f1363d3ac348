namespace Sluice.Configuration.Interpolation;

/// <summary>Resolvers that make a value of their argument.</summary>
internal static class ValueResolvers
{
    /// <summary>Resolves <c>${oc.decode:text}</c>: the text is read as an argument of a resolver would be.</summary>
    public static Place Decode(ResolverCall call)
    {
        call.Expect(1, 1);
        switch (call.Arguments[0].Node)
        {
            case ConfigScalar { Type: ScalarKind.Null }:
                return call.Null();
            case ConfigScalar { Type: ScalarKind.Text } text:
                call.Evaluator.Spend(text.Text.Length, call.Mark);
                return call.Evaluator.Evaluate(Parsed(call, text.Text), call.At);
            case var other:
                throw call.Fail("TypeError raised while resolving interpolation: `oc.decode` can only take strings or None as input, "
                    + $"but `{Say.Short(PythonText.Of(other))}` is of type {PythonText.TypeOf(other)}");
        }
    }

    /// <summary>Resolves <c>${oc.create:value}</c>: a list, a mapping, or YAML text of one, whose own interpolations are then resolved.</summary>
    public static Place Create(ResolverCall call)
    {
        call.Expect(1, 1);
        ConfigNode node = call.Evaluator.ResolveFrom(call.At, call.Arguments[0]);
        if (node is ConfigScalar { Type: ScalarKind.Text } text)
        {
            call.Evaluator.Spend(text.Text.Length, call.Mark);
            node = Read(call, text.Text);
        }

        return node is not ConfigScalar { Type: not ScalarKind.Null }
            ? new Place(node, call.At.Container, call.At.Key)
            : throw call.Fail("ValidationError raised while resolving interpolation: Object of unsupported type: "
                + $"'{PythonText.TypeOf(node)}'", "oc.create makes lists and mappings");
    }

    private static Expression Parsed(ResolverCall call, string text)
    {
        try
        {
            return InterpolationSyntax.ParseElement(text, call.Mark);
        }
        catch (ConfigException exception)
        {
            throw call.Fail($"{Say.Quoted(text)} cannot be decoded: {exception.Message}");
        }
    }

    private static ConfigNode Read(ResolverCall call, string text)
    {
        try
        {
            ConfigNode node = YamlReader.Read(text, call.Mark.File);
            return node is not ConfigScalar word ? node
                : new ConfigMapping([new ConfigEntry(word.Text, call.Mark, ConfigScalar.OfNull("null", call.Mark))], call.Mark);
        }
        catch (ConfigException exception)
        {
            throw call.Fail($"{Say.Quoted(text)} cannot be created: {exception.Message}");
        }
    }
}
