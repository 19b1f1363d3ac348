using System.Globalization;
using System.Text.Encodings.Web;
using Fluid;
using Fluid.Values;

namespace Sluice.Experiments.Templates;

/// <summary>The answers of a sample as Liquid sees them: <c>steps.NAME.text</c>, <c>.finish</c>, <c>.input_tokens</c>, <c>.output_tokens</c>.</summary>
internal sealed class StepsValue(IReadOnlyList<string> names, Requests.Response?[] answers, int answer = -1) : FluidValue
{
    /// <summary>The fields of an answer.</summary>
    public static readonly string[] Fields = ["text", "finish", "input_tokens", "output_tokens"];

    /// <inheritdoc/>
    public override FluidValues Type => FluidValues.Dictionary;

    /// <inheritdoc/>
    public override ValueTask<FluidValue> GetValueAsync(string name, TemplateContext context)
    {
        if (answer < 0)
        {
            for (var i = 0; i < answers.Length; i++)
            {
                if (names[i] == name && answers[i] is not null)
                {
                    return new StepsValue(names, answers, i);
                }
            }

            return new UndefinedValue($"steps.{name}", [.. names.Where((_, i) => answers[i] is not null)]);
        }

        var response = answers[answer]!;
        return name switch
        {
            "text" => new StringValue(response.Text),
            "finish" => new StringValue(response.Finish),
            "input_tokens" => NumberValue.Create(response.Usage.Input),
            "output_tokens" => NumberValue.Create(response.Usage.Output),
            _ => new UndefinedValue($"steps.{names[answer]}.{name}", Fields),
        };
    }

    /// <inheritdoc/>
    public override ValueTask<FluidValue> GetIndexAsync(FluidValue index, TemplateContext context) => GetValueAsync(index.ToStringValue(), context);

    /// <summary>Printing an answer as a whole is a slip for its text, and an error rather than a guess.</summary>
    public override ValueTask WriteToAsync(TextWriter writer, TextEncoder encoder, CultureInfo cultureInfo) => throw Error();

    /// <inheritdoc/>
    public override bool Equals(FluidValue? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => ReferenceEquals(this, obj);

    /// <inheritdoc/>
    public override int GetHashCode() => answer;

    /// <inheritdoc/>
    public override bool ToBooleanValue() => true;

    /// <inheritdoc/>
    public override decimal ToNumberValue() => throw Error();

    /// <inheritdoc/>
    public override string ToStringValue() => throw Error();

    /// <inheritdoc/>
    public override object ToObjectValue() => this;

    private UnknownFieldException Error() => answer < 0
        ? new UnknownFieldException("steps", [.. names.Select(n => $"steps.{n}.text")])
        : new UnknownFieldException($"steps.{names[answer]}", [.. Fields.Select(f => $"steps.{names[answer]}.{f}")]);
}
