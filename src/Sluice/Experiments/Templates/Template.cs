using System.Text.Json;
using Fluid;
using Fluid.Values;

namespace Sluice.Experiments.Templates;

/// <summary>A parsed Liquid template over <c>sample</c> and <c>steps</c>. Immutable and thread-safe.</summary>
internal sealed class Template
{
    private static readonly FluidParser Parser = new();

    private readonly IFluidTemplate _template;

    private Template(IFluidTemplate template) => _template = template;

    /// <summary>Parses a template.</summary>
    /// <exception cref="FormatException">The text is no Liquid.</exception>
    public static Template Parse(string source) =>
        Parser.TryParse(source, out var template, out var error) ? new Template(CheckedTemplate.Of(template)) : throw new FormatException($"the template cannot be read: {error}");

    /// <summary>Renders the template.</summary>
    /// <exception cref="UnknownFieldException">It prints a field that is not there.</exception>
    /// <exception cref="FormatException">A filter or tag failed.</exception>
    public string Render(TemplateScope scope)
    {
        try
        {
            return _template.Render(scope.Context);
        }
        catch (Exception error) when (error is FluidException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException(error.Message, error);
        }
    }
}

/// <summary>What a template can see. For one sample at a time.</summary>
internal sealed class TemplateScope
{
    private static readonly TemplateOptions Options = CreateOptions();

    /// <summary>Gets Fluid's context.</summary>
    public TemplateContext Context { get; } = new(Options);

    /// <summary>Sets the sample.</summary>
    public void SetSample(JsonElement sample) => Context.SetValue("sample", new JsonObjectValue(sample, "sample"));

    /// <summary>Sets the answers that the sample has had so far.</summary>
    public void SetSteps(StepsValue steps) => Context.SetValue("steps", steps);

    private static TemplateOptions CreateOptions()
    {
        var options = new TemplateOptions
        {
            StrictFilters = true,
            // A template cannot keep the process busy for ever.
            MaxSteps = 1_000_000,
            Undefined = static name => ValueTask.FromResult<FluidValue>(new UndefinedValue(name, ["sample", "steps"])),
        };
        options.Filters.AddFilter("json", static (input, _, _) => ValueTask.FromResult<FluidValue>(new StringValue(LiquidJson.Write(input))));
        return options;
    }
}
