namespace Sluice.Configuration.Overrides;

/// <summary>A dict: <c>{a:1,b:{c:2}}</c>; keys differ.</summary>
internal sealed record DictElement(IReadOnlyList<KeyValuePair<ScalarElement, OverrideElement>> Entries) : OverrideElement
{
    public override string JobText =>
        $"{{{string.Join(',', Entries.Select(static entry => $"{entry.Key.JobText}:{entry.Value.JobText}"))}}}";

    public override ConfigNode ToNode() => new ConfigMapping(
        [.. Entries.Select(static entry => new ConfigEntry(
            entry.Key.KeyText, SourceMark.CommandLine, entry.Value.ToNode(), entry.Key.Value.Type is ScalarKind.Boolean or ScalarKind.Integer or ScalarKind.Number))],
        SourceMark.CommandLine);

    public override OverrideElement Quoted() => WithValues(static value => value.Quoted());

    /// <summary>Gives the same keys with other values.</summary>
    public DictElement WithValues(Func<OverrideElement, OverrideElement> change) =>
        new([.. Entries.Select(entry => KeyValuePair.Create(entry.Key, change(entry.Value)))]);
}
