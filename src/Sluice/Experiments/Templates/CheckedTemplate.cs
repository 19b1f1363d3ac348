using System.Globalization;
using System.Text;
using Fluid;
using Fluid.Ast;
using Fluid.Ast.BinaryExpressions;
using Fluid.Values;

namespace Sluice.Experiments.Templates;

/// <summary>Makes a parsed template strict: a member of what has no members is unknown, not empty, and would be paid for as an empty prompt.</summary>
internal sealed class CheckedTemplate : AstRewriter
{
    /// <summary>Returns the strict form of a template.</summary>
    public static IFluidTemplate Of(IFluidTemplate template) => new CheckedTemplate().VisitTemplate(template);

    /// <inheritdoc/>
    protected override Expression VisitMemberExpression(MemberExpression memberExpression) =>
        base.VisitMemberExpression(memberExpression) is MemberExpression { Segments.Count: > 1 } path ? new CheckedMember(path.Segments) : memberExpression;

    /// <inheritdoc/>
    protected override Expression VisitGreaterThanBinaryExpression(GreaterThanBinaryExpression greaterThanBinaryExpression) =>
        new GreaterThanBinaryExpression(new Plain(Visit(greaterThanBinaryExpression.Left)), Visit(greaterThanBinaryExpression.Right), greaterThanBinaryExpression.Strict);

    /// <inheritdoc/>
    protected override Expression VisitLowerThanBinaryExpression(LowerThanBinaryExpression lowerThanBinaryExpression) =>
        new LowerThanBinaryExpression(new Plain(Visit(lowerThanBinaryExpression.Left)), Visit(lowerThanBinaryExpression.Right), lowerThanBinaryExpression.Strict);

    /// <summary>Evaluates a path; where Liquid shrugs, the result is an <see cref="UndefinedValue"/>.</summary>
    private sealed class CheckedMember(IReadOnlyList<MemberSegment> segments) : Expression
    {
        private readonly MemberExpression _root = new(segments[0]);

        public override async ValueTask<FluidValue> EvaluateAsync(TemplateContext context)
        {
            var value = await _root.EvaluateAsync(context).ConfigureAwait(false);
            for (var i = 1; i < segments.Count; i++)
            {
                if (value is UndefinedValue)
                {
                    return value;
                }

                var owner = value;
                value = owner.IsNil() ? NilValue.Instance : await segments[i].ResolveAsync(owner, context).ConfigureAwait(false);
                if (value.IsNil() && value is not UndefinedValue && owner is not JsonObjectValue)
                {
                    return new UndefinedValue(await PathAsync(i, context).ConfigureAwait(false), []);
                }
            }

            return value;
        }

        protected override Expression Accept(AstVisitor visitor) => this;

        private async ValueTask<string> PathAsync(int last, TemplateContext context)
        {
            var path = new StringBuilder();
            for (var i = 0; i <= last; i++)
            {
                if (segments[i] is IdentifierSegment name)
                {
                    path.Append(i == 0 ? "" : ".").Append(name.Identifier);
                }
                else if (segments[i] is IndexerSegment indexer)
                {
                    var index = await indexer.Expression.EvaluateAsync(context).ConfigureAwait(false);
                    path.Append(index.Type == FluidValues.Number ? $"[{index.ToStringValue()}]" : "." + index.ToStringValue());
                }
            }

            return path.ToString();
        }
    }

    /// <summary>Liquid compares only its own kind of number.</summary>
    private sealed class Plain(Expression inner) : Expression
    {
        public override async ValueTask<FluidValue> EvaluateAsync(TemplateContext context)
        {
            var value = await inner.EvaluateAsync(context).ConfigureAwait(false);
            return value is JsonNumberValue number ? NumberValue.Create(number.ToNumberValue()) : value;
        }

        protected override Expression Accept(AstVisitor visitor) => this;
    }
}

/// <summary>A number of a sample that keeps its spelling when it is printed: Liquid would make 3.1 of 3.10, and 0.0 of 1e-30.</summary>
internal sealed class JsonNumberValue(string literal) : FluidValue
{
    private const double Most = 7.9e28;

    /// <summary>Gets the number as it was written.</summary>
    public string Literal => literal;

    /// <inheritdoc/>
    public override FluidValues Type => FluidValues.Number;

    /// <inheritdoc/>
    public override bool Equals(FluidValue? other) => other?.Type == FluidValues.Number && ToNumberValue() == other.ToNumberValue();

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is FluidValue value && Equals(value);

    /// <inheritdoc/>
    public override int GetHashCode() => ToNumberValue().GetHashCode();

    /// <inheritdoc/>
    public override bool ToBooleanValue() => true;

    /// <inheritdoc/>
    public override decimal ToNumberValue() => decimal.TryParse(literal, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        ? number
        : (decimal)Math.Clamp(double.Parse(literal, CultureInfo.InvariantCulture), -Most, Most);

    /// <inheritdoc/>
    public override string ToStringValue() => literal;

    /// <inheritdoc/>
    public override object ToObjectValue() => ToNumberValue();

    /// <inheritdoc/>
    public override ValueTask WriteToAsync(TextWriter writer, System.Text.Encodings.Web.TextEncoder encoder, CultureInfo cultureInfo)
    {
        writer.Write(literal);
        return default;
    }
}
