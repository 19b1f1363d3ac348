using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Fluid;
using Fluid.Values;

namespace Sluice.Experiments.Templates;

/// <summary>A JSON object as Liquid sees it. Members are looked up when they are used; nothing is converted ahead.</summary>
internal sealed class JsonObjectValue(JsonElement element, string path) : FluidValue
{
    /// <summary>Gets the JSON behind the value.</summary>
    public JsonElement Element => element;

    /// <inheritdoc/>
    public override FluidValues Type => FluidValues.Dictionary;

    /// <summary>Turns any JSON value into Liquid's.</summary>
    public static FluidValue From(JsonElement element, string path) => element.ValueKind switch
    {
        JsonValueKind.String => new StringValue(Requests.JsonText.Read(element)),
        JsonValueKind.Number => element.TryGetInt64(out var number) && !element.GetRawText().StartsWith("-0", StringComparison.Ordinal) ? NumberValue.Create(number) : new JsonNumberValue(element.GetRawText()),
        JsonValueKind.True => BooleanValue.True,
        JsonValueKind.False => BooleanValue.False,
        JsonValueKind.Null => NilValue.Instance,
        JsonValueKind.Array => new ArrayValue([.. element.EnumerateArray().Select((item, i) => From(item, $"{path}[{i}]"))]),
        _ => new JsonObjectValue(element, path),
    };

    /// <inheritdoc/>
    public override ValueTask<FluidValue> GetValueAsync(string name, TemplateContext context)
    {
        if (element.TryGetProperty(name, out var value))
        {
            return value.ValueKind is JsonValueKind.Object or JsonValueKind.Array ? From(value, $"{path}.{name}") : From(value, path);
        }

        return name == "size"
            ? NumberValue.Create(element.EnumerateObject().Count())
            : new UndefinedValue($"{path}.{name}", [.. element.EnumerateObject().Select(m => m.Name)]);
    }

    /// <inheritdoc/>
    public override ValueTask<FluidValue> GetIndexAsync(FluidValue index, TemplateContext context) => GetValueAsync(index.ToStringValue(), context);

    /// <inheritdoc/>
    public override IEnumerable<FluidValue> Enumerate(TemplateContext context)
    {
        foreach (var member in element.EnumerateObject())
        {
            yield return new ArrayValue([new StringValue(member.Name), From(member.Value, $"{path}.{member.Name}")]);
        }
    }

    /// <inheritdoc/>
    public override ValueTask WriteToAsync(TextWriter writer, TextEncoder encoder, CultureInfo cultureInfo)
    {
        writer.Write(element.GetRawText());
        return default;
    }

    /// <inheritdoc/>
    public override bool Equals(FluidValue? other) => other is JsonObjectValue value && JsonElement.DeepEquals(element, value.Element);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is FluidValue value && Equals(value);

    /// <inheritdoc/>
    public override int GetHashCode() => path.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool ToBooleanValue() => true;

    /// <inheritdoc/>
    public override decimal ToNumberValue() => 0;

    /// <inheritdoc/>
    public override string ToStringValue() => element.GetRawText();

    /// <inheritdoc/>
    public override object ToObjectValue() => element;
}

/// <summary>A variable or field that does not exist: harmless in conditions and for <c>default</c>, an error when it is printed.</summary>
internal sealed class UndefinedValue(string path, IReadOnlyList<string> known) : FluidValue
{
    /// <inheritdoc/>
    public override FluidValues Type => FluidValues.Nil;

    /// <inheritdoc/>
    public override bool IsNil() => true;

    /// <inheritdoc/>
    public override bool Equals(FluidValue? other) => other?.IsNil() == true;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is FluidValue value && Equals(value);

    /// <inheritdoc/>
    public override int GetHashCode() => 0;

    /// <inheritdoc/>
    public override bool ToBooleanValue() => false;

    /// <inheritdoc/>
    public override decimal ToNumberValue() => throw Error();

    /// <inheritdoc/>
    public override string ToStringValue() => throw Error();

    /// <inheritdoc/>
    public override object? ToObjectValue() => null;

    /// <inheritdoc/>
    public override ValueTask WriteToAsync(TextWriter writer, TextEncoder encoder, CultureInfo cultureInfo) => throw Error();

    private UnknownFieldException Error() => new(path, known);
}

/// <summary>A template prints something that is not there.</summary>
internal sealed class UnknownFieldException(string path, IReadOnlyList<string> known) : Exception($"unknown field `{path}`")
{
    /// <summary>Gets what was asked for, e.g. <c>sample.qestion</c>.</summary>
    public string Path => path;

    /// <summary>Gets what there is instead.</summary>
    public IReadOnlyList<string> Known => known;

    /// <summary>Returns what to write instead.</summary>
    public string Hint
    {
        get
        {
            var fields = new StringBuilder();
            foreach (var name in known.Take(20))
            {
                fields.Append(fields.Length > 0 ? ", " : "").Append(name);
            }

            return $"{(fields.Length == 0 ? "" : $"there is: {fields}; ")}a field that may be missing is written `{{{{ {path} | default: \"\" }}}}`";
        }
    }
}
