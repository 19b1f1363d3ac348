using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using Fluid;
using Sluice.Requests;

namespace Sluice.Experiments.Templates;

/// <summary>A parsed Liquid template over <c>sample</c> and <c>steps</c>. Immutable and thread-safe.</summary>
/// <remarks>
/// Most prompts are text with a few plain fields in it, and a replay renders them a hundred thousand times a second: such a template is also kept
/// as a list of texts and field paths, and copies strings without going through Fluid. Anything else, down to a number, is Fluid's.
/// </remarks>
internal sealed partial class Template
{
    private static readonly FluidParser Parser = new();

    private readonly IFluidTemplate _template;
    private readonly List<Part>? _parts;
    private readonly bool _usesSteps;

    private Template(IFluidTemplate template, List<Part>? parts, bool usesSteps)
    {
        _template = template;
        _parts = parts;
        _usesSteps = usesSteps;
    }

    /// <summary>Parses a template.</summary>
    /// <exception cref="FormatException">The text is no Liquid.</exception>
    public static Template Parse(string source) =>
        Parser.TryParse(source, out var template, out var error)
            ? new Template(CheckedTemplate.Of(template), Split(source), source.Contains("steps", StringComparison.Ordinal))
            : throw new FormatException($"the template cannot be read: {error}");

    /// <summary>Renders the template.</summary>
    /// <exception cref="UnknownFieldException">It prints a field that is not there.</exception>
    /// <exception cref="FormatException">A filter or tag failed.</exception>
    public string Render(TemplateScope scope)
    {
        if (_parts is [{ Path: { } path }])
        {
            if (path is ["steps", var step, "text"] && scope.AnswerOf(step) is { } answer)
            {
                return answer;
            }

            if (Find(scope, path) is { ValueKind: JsonValueKind.String } text)
            {
                return JsonText.Read(text);
            }
        }

        try
        {
            return _template.Render(scope.Context);
        }
        catch (Exception error) when (error is FluidException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException(error.Message, error);
        }
    }

    /// <summary>Looks for unknown fields before all answers are there, as far as that can be told: a template that computes with answers has to wait.</summary>
    /// <param name="scope">The sample.</param>
    /// <param name="steps">The steps whose answers will be there.</param>
    /// <exception cref="UnknownFieldException">A field will not be there.</exception>
    public void Check(TemplateScope scope, IReadOnlyList<string> steps)
    {
        if (_parts is null)
        {
            _ = _usesSteps ? "" : Render(scope);
            return;
        }

        foreach (var part in _parts)
        {
            if (part.Path is ["steps", var step, ..] && !steps.Contains(step))
            {
                throw new UnknownFieldException($"steps.{step}", steps);
            }

            if (part.Path is ["steps", _, var field, ..] && !StepsValue.Fields.Contains(field))
            {
                throw new UnknownFieldException(string.Join('.', part.Path), StepsValue.Fields);
            }

            if (part.Path is ["sample", ..] && Find(scope, part.Path) is null)
            {
                // Fluid knows more than plain members: the size of a list, for one.
                part.Alone!.Render(scope.Context);
            }
        }
    }

    /// <summary>Writes what <see cref="Render"/> returns as a canonical JSON string.</summary>
    public void RenderJson(TemplateScope scope, IBufferWriter<byte> output)
    {
        if (_parts is null || !TryCopy(scope, output))
        {
            CanonicalJson.WriteString(Render(scope), output);
        }
    }

    /// <summary>Copies texts and fields; false, with nothing written, when a field is no string that can be copied.</summary>
    private bool TryCopy(TemplateScope scope, IBufferWriter<byte> output)
    {
        foreach (var part in _parts!)
        {
            if (part.Path is null)
            {
                continue;
            }

            if (part.Path[0] != "sample" || Find(scope, part.Path) is not { ValueKind: JsonValueKind.String } found || JsonMarshal.GetRawUtf8Value(found).Contains((byte)'\\'))
            {
                return false;
            }
        }

        output.Write("\""u8);
        foreach (var part in _parts)
        {
            // A JSON string without a backslash holds no escapes, so its bytes are canonical already.
            output.Write(part.Path is null ? part.Json : JsonMarshal.GetRawUtf8Value(Find(scope, part.Path)!.Value)[1..^1]);
        }

        output.Write("\""u8);
        return true;
    }

    private static JsonElement? Find(TemplateScope scope, string[] path)
    {
        if (path[0] != "sample")
        {
            return null;
        }

        var element = scope.Sample;
        for (var i = 1; i < path.Length; i++)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(path[i], out element))
            {
                return null;
            }
        }

        return element;
    }

    private static List<Part>? Split(string source)
    {
        var parts = new List<Part>();
        var rest = 0;
        foreach (var match in PlainField.EnumerateMatches(source))
        {
            AddText(parts, source[rest..match.Index]);
            var field = source.Substring(match.Index, match.Length);
            parts.Add(new Part([], field[2..^2].Trim().Split('.'), Parser.Parse(field)));
            rest = match.Index + match.Length;
        }

        AddText(parts, source[rest..]);
        var isPlain = parts.All(p => p.Path is not null || !(p.Json.AsSpan().IndexOf("{{"u8) >= 0 || p.Json.AsSpan().IndexOf("{%"u8) >= 0));
        return isPlain ? parts : null;
    }

    private static void AddText(List<Part> parts, string text)
    {
        if (text.Length > 0)
        {
            var json = new ArrayBufferWriter<byte>();
            CanonicalJson.WriteString(text, json);
            parts.Add(new Part(json.WrittenSpan[1..^1].ToArray(), null, null));
        }
    }

    /// <summary>A field printed as it is: no filter, no index, no white space control.</summary>
    [GeneratedRegex(@"\{\{\s*(sample|steps)(\.[A-Za-z_][A-Za-z0-9_]*)+\s*\}\}", RegexOptions.CultureInvariant)]
    private static partial Regex PlainField { get; }

    private readonly record struct Part(byte[] Json, string[]? Path, IFluidTemplate? Alone);
}
