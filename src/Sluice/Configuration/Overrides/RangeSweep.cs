using System.Numerics;

namespace Sluice.Configuration.Overrides;

/// <summary>Numbers at equal distances, the stop excluded: <c>range(start,stop,step)</c>. All whole, they stay whole.</summary>
internal sealed record RangeSweep(ConfigScalar Start, ConfigScalar Stop, ConfigScalar Step) : OverrideSweep
{
    private bool IsWhole => Start.Type == ScalarKind.Integer && Stop.Type == ScalarKind.Integer && Step.Type == ScalarKind.Integer;

    private string Shown => $"range({Show(Start)},{Show(Stop)},{Show(Step)})";

    /// <summary>Gives the same numbers upwards, or downwards; computed as Hydra does, which with fractions may shift the ends.</summary>
    public RangeSweep Sorted(bool reverse)
    {
        if (reverse ? Start.Number >= Stop.Number : Start.Number <= Stop.Number)
        {
            return this with { ShuffleSeed = null };
        }

        return new RangeSweep(Shifted(Stop), Shifted(Start), IsWhole
            ? ScalarElement.OfInteger(-Step.Integer).Value
            : ScalarElement.OfNumber(-Step.Number).Value);

        // The excluded end becomes the included one, so both move by a step.
        ConfigScalar Shifted(ConfigScalar end) => IsWhole
            ? ScalarElement.OfInteger(end.Integer + (BigInteger.Abs(Step.Integer) * (reverse ? -1 : 1))).Value
            : ScalarElement.OfNumber(end.Number + (Math.Abs(Step.Number) * (reverse ? -1 : 1))).Value;
    }

    protected override IEnumerable<OverrideElement> Values(Func<IReadOnlyList<string>> options)
    {
        if (!IsUsable(Start) || !IsUsable(Stop) || !IsUsable(Step) || Step.Number == 0)
        {
            throw OverrideMistake.Sweep(
                $"Invalid range values (start:{Show(Start)}, stop:{Show(Stop)}, step:{Show(Step)})");
        }

        return ExactDecimal.Steps(ExactDecimal.Of(Start), ExactDecimal.Of(Stop), ExactDecimal.Of(Step)) > OverrideLimits.SweepValues
            ? throw OverrideMistake.Sweep($"{Shown} has more than {OverrideLimits.SweepValues:N0} values")
            : IsWhole ? WholeNumbers() : Numbers();
    }

    private static string Show(ConfigScalar number) => Say.Short(ScalarText.Of(number));

    // Longer whole numbers would be possible, but a million of them would fill the memory.
    private static bool IsUsable(ConfigScalar number) => number.Type == ScalarKind.Integer
        ? number.Integer.GetBitLength() < 64 : double.IsFinite(number.Number);

    private IEnumerable<OverrideElement> WholeNumbers()
    {
        for (BigInteger value = Start.Integer; Step.Integer.Sign > 0 ? value < Stop.Integer : value > Stop.Integer; value += Step.Integer)
        {
            yield return ScalarElement.OfInteger(value);
        }
    }

    private IEnumerable<OverrideElement> Numbers()
    {
        ExactDecimal stop = ExactDecimal.Of(Stop);
        ExactDecimal step = ExactDecimal.Of(Step);
        for (ExactDecimal value = ExactDecimal.Of(Start); value.CompareTo(stop) == -step.Sign; value = value.Plus(step))
        {
            yield return ScalarElement.OfNumber(value.ToDouble());
        }
    }
}
