using System.Numerics;

namespace Sluice.Configuration.Overrides;

/// <summary>Evaluates <c>int</c>, <c>float</c>, <c>str</c> and <c>bool</c>, which go into lists, dict values and sweeps.</summary>
internal static class OverrideCast
{
    public static OverrideValue Evaluate(FunctionCall call)
    {
        call.AllowNames("value");
        OverrideValue? named = call.Named.GetValueOrDefault("value");
        return (named, call.Positional) switch
        {
            (null, []) => throw call.Refused("No positional args or value specified"),
            (null, [var one]) => Cast(call, one),
            (null, _) => Cast(call, new ChoiceSweep([.. call.Positional.Select(value =>
                value as OverrideElement ?? throw call.Refused("a sweep is not allowed here"))]) { Simple = true }),
            (_, []) => Cast(call, named),
            _ => throw call.Refused("cannot use both position and named arguments"),
        };
    }

    private static OverrideValue Cast(FunctionCall call, OverrideValue value) => value switch
    {
        OverrideElement element => Element(call, element),
        ChoiceSweep choice => new ChoiceSweep([.. choice.Items.Select(item => Element(call, item))]) { Simple = choice.Simple },
        RangeSweep range when call.Name is "int" or "float" =>
            new RangeSweep(Scalar(call, range.Start).Value, Scalar(call, range.Stop).Value, Scalar(call, range.Step).Value),
        RangeSweep => throw call.Refused("Range can only be cast to int or float"),
        IntervalSweep when call.Name is "int" or "float" => value,
        IntervalSweep => throw call.Refused($"Intervals cannot be cast to {call.Name}"),
        _ => throw call.Refused($"glob() cannot be cast to {call.Name}"),
    };

    private static OverrideElement Element(FunctionCall call, OverrideElement element) => element switch
    {
        ListElement list => new ListElement([.. list.Items.Select(item => Element(call, item))]),
        DictElement dict => dict.WithValues(value => Element(call, value)),
        ScalarElement { Value.Type: ScalarKind.Null } => throw call.Refused($"null cannot be cast to {call.Name}"),
        _ => Scalar(call, ((ScalarElement)element).Value),
    };

    private static ScalarElement Scalar(FunctionCall call, ConfigScalar value) => call.Name switch
    {
        "int" => ScalarElement.OfInteger(ToInteger(call, value)),
        "float" => ScalarElement.OfNumber(ToNumber(call, value)),
        "str" => ScalarElement.OfText(value.Type == ScalarKind.Boolean ? value.Text : ScalarText.Of(value)),
        _ => ScalarElement.OfBoolean(ToBoolean(call, value)),
    };

    private static BigInteger ToInteger(FunctionCall call, ConfigScalar value) => value.Type switch
    {
        ScalarKind.Boolean => value.Boolean ? 1 : 0,
        ScalarKind.Integer => value.Integer,
        ScalarKind.Number => double.IsFinite(value.Number) ? new BigInteger(value.Number)
            : throw call.Refused($"cannot convert float {(double.IsNaN(value.Number) ? "NaN" : "infinity")} to integer"),
        _ => NumberText.TryInteger(value.Text, out BigInteger read) ? read
            : throw call.Refused($"invalid literal for int() with base 10: '{Say.Short(value.Text)}'"),
    };

    private static double ToNumber(FunctionCall call, ConfigScalar value) => value.Type switch
    {
        ScalarKind.Boolean => value.Boolean ? 1 : 0,
        ScalarKind.Integer => double.IsFinite(value.Number) ? value.Number : throw call.Refused("int too large to convert to float"),
        ScalarKind.Number => value.Number,
        _ => NumberText.TryNumber(value.Text, out double read) ? read
            : throw call.Refused($"could not convert string to float: '{Say.Short(value.Text)}'"),
    };

    private static bool ToBoolean(FunctionCall call, ConfigScalar value) => value.Type switch
    {
        ScalarKind.Boolean => value.Boolean,
        ScalarKind.Integer => !value.Integer.IsZero,
        ScalarKind.Number => value.Number != 0,
        _ => value.Text.ToUpperInvariant() switch
        {
            "TRUE" => true,
            "FALSE" => false,
            _ => throw call.Refused($"Cannot cast '{Say.Short(value.Text)}' to bool"),
        },
    };
}
