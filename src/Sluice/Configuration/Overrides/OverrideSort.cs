namespace Sluice.Configuration.Overrides;

/// <summary>Evaluates <c>sort</c>: numbers among numbers, or texts among texts.</summary>
internal static class OverrideSort
{
    private static readonly Comparer<OverrideElement> s_order = Comparer<OverrideElement>.Create(Compare);

    public static OverrideValue Evaluate(FunctionCall call)
    {
        call.AllowNames("list", "sweep", "reverse");
        bool reverse = call.Named.GetValueOrDefault("reverse") switch
        {
            null => false,
            ScalarElement { Value: { Type: ScalarKind.Boolean } flag } => flag.Boolean,
            _ => throw call.Refused("the argument reverse must be true or false"),
        };
        OverrideValue? one = call.Named.GetValueOrDefault("list") ?? call.Named.GetValueOrDefault("sweep")
            ?? (call.Positional.Count == 1 ? call.Positional[0] : null);
        return one switch
        {
            null when call.Positional.Count == 0 => throw call.Refused("empty sort input"),
            null => new ChoiceSweep(Ordered(call, OverrideFunctions.Elements(call), reverse)) { Simple = true },
            ListElement list => new ListElement(Ordered(call, list.Items, reverse)),
            ChoiceSweep choice => choice with { Items = Ordered(call, choice.Items, reverse), ShuffleSeed = null },
            RangeSweep range => range.Sorted(reverse),
            OverrideElement => one,
            _ => throw call.Refused("only a list, choice() or range() can be sorted"),
        };
    }

    private static IReadOnlyList<OverrideElement> Ordered(FunctionCall call, IReadOnlyList<OverrideElement> items, bool reverse)
    {
        if (items.Count < 2)
        {
            return items;
        }

        foreach (OverrideElement item in items)
        {
            if (TypeOf(item) != TypeOf(items[0]) || item is not ScalarElement { Value.Type: not ScalarKind.Null })
            {
                throw call.Refused($"'<' not supported between instances of '{TypeOf(item)}' and '{TypeOf(items[0])}'");
            }
        }

        return reverse ? [.. items.OrderDescending(s_order)] : [.. items.Order(s_order)];
    }

    private static string TypeOf(OverrideElement element) => element switch
    {
        ListElement => "list",
        DictElement => "dict",
        ScalarElement { Value.Type: ScalarKind.Null } => "null",
        ScalarElement { Value.Type: ScalarKind.Text } => "str",
        _ => "number",
    };

    private static int Compare(OverrideElement one, OverrideElement other)
    {
        (ConfigScalar first, ConfigScalar second) = (((ScalarElement)one).Value, ((ScalarElement)other).Value);
        return first.Type switch
        {
            ScalarKind.Text => CodePointOrder.Compare(first.Text, second.Text),
            ScalarKind.Integer when second.Type == ScalarKind.Integer => first.Integer.CompareTo(second.Integer),
            _ => NumberOf(first).CompareTo(NumberOf(second)),
        };
    }

    private static double NumberOf(ConfigScalar scalar) => scalar.Type == ScalarKind.Boolean ? (scalar.Boolean ? 1 : 0) : scalar.Number;
}
