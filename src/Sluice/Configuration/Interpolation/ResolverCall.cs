namespace Sluice.Configuration.Interpolation;

/// <summary>Gives what a <c>${name:...}</c> stands for.</summary>
/// <exception cref="ConfigException">It stands for nothing.</exception>
internal delegate Place Resolver(ResolverCall call);

/// <summary>One call of a resolver.</summary>
/// <param name="Evaluator">Resolves what the resolver needs.</param>
/// <param name="Name">The name by which it is called.</param>
/// <param name="Arguments">The arguments; none is interpolated or broken.</param>
/// <param name="At">The value in which the call stands.</param>
internal sealed record ResolverCall(Evaluator Evaluator, string Name, IReadOnlyList<Place> Arguments, Place At)
{
    /// <summary>Gets where the call stands.</summary>
    public SourceMark Mark => At.Node.Mark;

    /// <summary>Refuses another number of arguments.</summary>
    public void Expect(int least, int most)
    {
        if (Arguments.Count < least || Arguments.Count > most)
        {
            string expected = least == most ? Say.Count(least, "argument") : $"{least} or {most} arguments";
            throw Fail($"TypeError raised while resolving interpolation: {Name} takes {expected}, not {Arguments.Count}");
        }
    }

    /// <summary>Gives an argument that must be text.</summary>
    public string Text(int index) => Arguments[index].Node is ConfigScalar { Type: ScalarKind.Text } text ? text.Text
        : throw Fail($"TypeError raised while resolving interpolation: `{Name}` requires a string as input, but obtained "
            + $"`{Say.Short(PythonText.Of(Arguments[index].Node))}` of type: {PythonText.TypeOf(Arguments[index].Node)}");

    /// <summary>Looks up the key that an argument names.</summary>
    public Lookup Find(int index) => Evaluator.Find(KeyPath.Parse(Text(index)), At);

    public ConfigException Fail(string message, string? hint = null) => new(ConfigErrorKind.Interpolation, Mark, message, hint);

    public Place Null() => Evaluator.Final(ConfigScalar.OfNull("null", Mark));

    public Place OfText(string text) => Evaluator.Final(ConfigScalar.OfText(text, Mark));
}
