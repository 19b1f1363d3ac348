namespace Sluice.Configuration.Overrides;

/// <summary>Evaluates the functions of the override grammar.</summary>
internal static class OverrideFunctions
{
    private const string Available = "bool,choice,float,glob,int,interval,range,shuffle,sort,str,tag";

    public static OverrideValue Evaluate(FunctionCall call) => call.Name switch
    {
        "int" or "float" or "str" or "bool" => OverrideCast.Evaluate(call),
        "choice" => Choice(call),
        "range" => Range(call),
        "interval" => Interval(call),
        "glob" => Glob(call),
        "sort" => OverrideSort.Evaluate(call),
        "shuffle" => Shuffle(call),
        "tag" => Tag(call),
        _ => throw call.Refused($"Unknown function '{call.Name}'\nAvailable: {Available}"),
    };

    /// <summary>Gives the positional arguments as the elements of a sweep.</summary>
    public static IReadOnlyList<OverrideElement> Elements(FunctionCall call) => [.. call.Positional.Select(value => value switch
    {
        // As in Hydra, whose signatures know no null.
        ScalarElement { Value.Type: ScalarKind.Null } => throw call.Refused("null is not allowed here; a comma sweep takes it: null,1"),
        OverrideElement element => element,
        _ => throw call.Refused("a sweep is not allowed here"),
    })];

    private static ChoiceSweep Choice(FunctionCall call)
    {
        call.AllowNames();
        return call.Positional switch
        {
            [] => throw call.Refused("empty choice is not legal"),
            [ChoiceSweep { Simple: true } simple] => simple with { Simple = false },
            [ChoiceSweep] => throw call.Refused("nesting choices is not supported"),
            _ => new ChoiceSweep(Elements(call)),
        };
    }

    private static RangeSweep Range(FunctionCall call)
    {
        OverrideValue?[] bound = call.Bind("start", "stop", "step");
        ConfigScalar start = Number(call, "start", bound[0]);
        ConfigScalar step = bound[2] is null ? ScalarElement.OfInteger(1).Value : Number(call, "step", bound[2]);
        return bound[1] is null
            ? new RangeSweep(ScalarElement.OfInteger(0).Value, start, step)
            : new RangeSweep(start, Number(call, "stop", bound[1]), step);
    }

    private static IntervalSweep Interval(FunctionCall call)
    {
        OverrideValue?[] bound = call.Bind("start", "end");
        return new IntervalSweep(Number(call, "start", bound[0]).Number, Number(call, "end", bound[1]).Number);
    }

    private static GlobSweep Glob(FunctionCall call)
    {
        OverrideValue?[] bound = call.Bind("include", "exclude");
        return new GlobSweep(
            Patterns(bound[0] ?? throw call.Refused("missing a required argument: 'include'")),
            bound[1] is null ? [] : Patterns(bound[1]!));

        IReadOnlyList<string> Patterns(OverrideValue value) => value switch
        {
            ScalarElement { Value: { Type: ScalarKind.Text } one } => [one.Text],
            ListElement list when list.Items.All(static item => item is ScalarElement { Value.Type: ScalarKind.Text }) =>
                [.. list.Items.Select(static item => ((ScalarElement)item).Value.Text)],
            _ => throw call.Refused("expected a pattern or a list of patterns"),
        };
    }

    // The order must be the same whenever the same override is read, so that an interrupted sweep resumes where it was.
    private static OverrideValue Shuffle(FunctionCall call)
    {
        call.AllowNames("list", "sweep");
        OverrideValue? one = call.Named.GetValueOrDefault("list") ?? call.Named.GetValueOrDefault("sweep")
            ?? (call.Positional.Count == 1 ? call.Positional[0] : null);
        return one switch
        {
            null => new ChoiceSweep(Elements(call)) { Simple = true, ShuffleSeed = call.OverrideText },
            ListElement list => new ListElement(SeededShuffle.Of(list.Items, call.OverrideText)),
            ChoiceSweep choice => choice with { ShuffleSeed = call.OverrideText },
            RangeSweep range => range with { ShuffleSeed = call.OverrideText },
            OverrideElement element => new ListElement([element]),
            _ => throw call.Refused("only a list, choice() or range() can be shuffled"),
        };
    }

    // Tags mean something to other sweepers only.
    private static OverrideSweep Tag(FunctionCall call)
    {
        call.AllowNames("sweep");
        OverrideValue? named = call.Named.GetValueOrDefault("sweep");
        IEnumerable<OverrideValue> tags = named is null ? call.Positional.SkipLast(1) : call.Positional;
        return call.Positional.Count == 0 ? throw call.Refused("Not enough arguments to tag, must take at least a sweep")
            : !tags.All(static tag => tag is ScalarElement { Value.Type: ScalarKind.Text }) ? throw call.Refused("tags must be texts")
            : (named ?? call.Positional[^1]) is OverrideSweep sweep and not GlobSweep ? sweep
            : throw call.Refused("Last argument to tag() must be a choice(), range() or interval()");
    }

    private static ConfigScalar Number(FunctionCall call, string name, OverrideValue? value) => value switch
    {
        null => throw call.Refused($"missing a required argument: '{name}'"),
        ScalarElement { Value: { Type: ScalarKind.Integer or ScalarKind.Number } number } => number,
        _ => throw call.Refused($"the argument {name} must be a number"),
    };
}
