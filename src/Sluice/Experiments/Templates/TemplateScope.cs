using System.Text.Json;
using Fluid;
using Fluid.Values;
using Sluice.Requests;

namespace Sluice.Experiments.Templates;

/// <summary>What a template can see: one sample and the answers it has had so far. For one sample at a time.</summary>
internal sealed class TemplateScope
{
    private static readonly TemplateOptions Options = CreateOptions();

    private readonly Func<DateTimeOffset> _now;
    private TemplateContext _context;
    private IReadOnlyList<string> _names = [];
    private Response?[] _answers = [];
    private bool _isStale;

    /// <summary>Creates a scope for templates that do not ask for the time.</summary>
    public TemplateScope()
        : this(default(DateTimeOffset))
    {
    }

    /// <summary>Creates a scope.</summary>
    /// <param name="now">What <c>now</c> and <c>today</c> are; null when nobody knows any more: then a template that asks for them is an error.</param>
    public TemplateScope(DateTimeOffset? now)
    {
        _now = () => now ?? throw new SluiceException(
            ErrorKind.Environment,
            "a template asks for the time, and which one this sweep has is not known any more: its manifest.json was damaged or lost",
            "put the file back, or write the time of the first command into it (`\"now\": \"2026-11-27T14:40:00Z\"`); to ask everything again, move the sweep's folder away");
        _context = Fresh();
    }

    /// <summary>Gets the sample.</summary>
    public JsonElement Sample { get; private set; }

    /// <summary>Gets Fluid's context, brought up to date only when Fluid is needed.</summary>
    public TemplateContext Context
    {
        get
        {
            if (_isStale)
            {
                // A new one each time: what a template assigns or counts for one sample must not be seen by the next, whichever that is.
                _context = Fresh();
                _context.SetValue("sample", JsonObjectValue.From(Sample, "sample"));
                _context.SetValue("steps", new StepsValue(_names, _answers));
                _isStale = false;
            }

            return _context;
        }
    }

    /// <summary>Sets the sample and its answers, by step.</summary>
    public void Set(JsonElement sample, IReadOnlyList<string> stepNames, Response?[] answers)
    {
        Sample = sample;
        _names = stepNames;
        _answers = answers;
        _isStale = true;
    }

    /// <summary>Returns the text of a step's answer, or null when there is no such step or answer.</summary>
    public string? AnswerOf(string step)
    {
        for (var i = 0; i < _answers.Length; i++)
        {
            if (_names[i] == step)
            {
                return _answers[i]?.Text;
            }
        }

        return null;
    }

    private TemplateContext Fresh() => new(Options) { Now = _now };

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
