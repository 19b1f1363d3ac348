namespace Sluice.Configuration.Interpolation;

/// <summary>Resolves <c>${hydra:path}</c> from the settings of Hydra; what is not there, or <c>???</c>, is null.</summary>
internal sealed class HydraResolver(Func<IReadOnlyList<string>, ConfigNode?>? settings)
{
    public Place Resolve(ResolverCall call)
    {
        call.Expect(1, 1);
        if (settings is null)
        {
            throw call.Fail("ValueError raised while resolving interpolation: HydraConfig was not set");
        }

        ConfigNode? node = settings(KeyPath.Parse(call.Text(0)).Segments);
        return node is null or ConfigScalar { Type: ScalarKind.Text, Text: "???" } ? call.Null() : Evaluator.Final(node);
    }
}
