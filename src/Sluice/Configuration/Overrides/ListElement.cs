namespace Sluice.Configuration.Overrides;

/// <summary>A list: <c>[a,1,[b]]</c>.</summary>
internal sealed record ListElement(IReadOnlyList<OverrideElement> Items) : OverrideElement
{
    public override string JobText => $"[{string.Join(',', Items.Select(static item => item.JobText))}]";

    public override ConfigNode ToNode() => new ConfigSequence([.. Items.Select(static item => item.ToNode())], SourceMark.CommandLine);

    public override OverrideElement Quoted() => new ListElement([.. Items.Select(static item => item.Quoted())]);
}
