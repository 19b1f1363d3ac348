using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sluice.Requests;

namespace Sluice.Experiments.Templates;

/// <summary>
/// A request body whose fixed parts are canonical JSON already and whose strings are templates: rendering it for a sample writes the
/// bytes that are hashed and sent, with no tree in between.
/// </summary>
internal sealed class BodyTemplate
{
    private readonly List<object> _parts = [];

    private BodyTemplate()
    {
    }

    /// <summary>Compiles a body.</summary>
    /// <param name="templated">Fields in which every string is a template.</param>
    /// <param name="literal">Fields that are sent as they are.</param>
    /// <exception cref="FormatException">A template cannot be read, or a number cannot be sent exactly.</exception>
    public static BodyTemplate Compile(JsonObject templated, JsonObject literal)
    {
        var template = new BodyTemplate();
        var pending = new ArrayBufferWriter<byte>();
        pending.Write("{"u8);
        var first = true;
        foreach (var name in templated.Select(m => m.Key).Concat(literal.Select(m => m.Key)).Distinct().Order(StringComparer.Ordinal))
        {
            pending.Write(first ? ""u8 : ","u8);
            first = false;
            CanonicalJson.WriteString(name, pending);
            pending.Write(":"u8);
            if (templated.TryGetPropertyValue(name, out var value))
            {
                template.Add(value, pending);
            }
            else
            {
                CanonicalJson.Write(literal[name], pending);
            }
        }

        pending.Write("}"u8);
        template.Flush(pending);
        return template;
    }

    /// <summary>Writes the body of a sample.</summary>
    /// <exception cref="UnknownFieldException">A template prints a field that is not there.</exception>
    public void Render(TemplateScope scope, IBufferWriter<byte> output)
    {
        foreach (var part in _parts)
        {
            if (part is byte[] bytes)
            {
                output.Write(bytes);
            }
            else
            {
                ((Template)part).RenderJson(scope, output);
            }
        }
    }

    /// <summary>Looks for unknown fields before all answers are there.</summary>
    /// <exception cref="UnknownFieldException">A field will not be there.</exception>
    public void Check(TemplateScope scope, IReadOnlyList<string> steps)
    {
        foreach (var part in _parts.OfType<Template>())
        {
            part.Check(scope, steps);
        }
    }

    private void Add(JsonNode? node, ArrayBufferWriter<byte> pending)
    {
        switch (node)
        {
            case JsonObject members:
                pending.Write("{"u8);
                var first = true;
                foreach (var (name, value) in members.OrderBy(m => m.Key, StringComparer.Ordinal))
                {
                    pending.Write(first ? ""u8 : ","u8);
                    first = false;
                    CanonicalJson.WriteString(name, pending);
                    pending.Write(":"u8);
                    Add(value, pending);
                }

                pending.Write("}"u8);
                break;
            case JsonArray items:
                pending.Write("["u8);
                for (var i = 0; i < items.Count; i++)
                {
                    pending.Write(i == 0 ? ""u8 : ","u8);
                    Add(items[i], pending);
                }

                pending.Write("]"u8);
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String && IsTemplate(value.GetValue<string>()):
                Flush(pending);
                _parts.Add(Template.Parse(value.GetValue<string>()));
                break;
            default:
                CanonicalJson.Write(node, pending);
                break;
        }
    }

    private static bool IsTemplate(string text) => text.Contains("{{", StringComparison.Ordinal) || text.Contains("{%", StringComparison.Ordinal);

    private void Flush(ArrayBufferWriter<byte> pending)
    {
        _parts.Add(pending.WrittenSpan.ToArray());
        pending.ResetWrittenCount();
    }
}
