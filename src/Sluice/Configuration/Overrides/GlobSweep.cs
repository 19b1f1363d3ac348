namespace Sluice.Configuration.Overrides;

/// <summary>The options of a group whose names match: <c>glob([a*,b*],exclude=c)</c>.</summary>
internal sealed record GlobSweep(IReadOnlyList<string> Include, IReadOnlyList<string> Exclude) : OverrideSweep
{
    protected override IEnumerable<OverrideElement> Values(Func<IReadOnlyList<string>> options) => options()
        .Where(name => MatchesAny(name, Include) && !MatchesAny(name, Exclude))
        .Select(Option);

    private static bool MatchesAny(string name, IReadOnlyList<string> patterns) =>
        patterns.Any(pattern => ShellPattern.Matches(name, pattern));

    // An option named 7 or true is still an option: without quotes a job would read it as a number.
    private static ScalarElement Option(string name)
    {
        List<OverrideToken> tokens = OverrideLexer.Tokens(EscapedText.Write(name), 0);
        bool isOtherType = tokens is [{ Kind: not OverrideTokenKind.Identifier }, { Kind: OverrideTokenKind.End }];
        return ScalarElement.OfText(name, isOtherType ? '"' : null);
    }
}
