using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Experiments.Templates;

/// <summary>
/// A request body whose fixed parts are canonical JSON already and whose strings are templates: rendering it for a sample writes the
/// bytes that are hashed and sent, with no tree in between.
/// </summary>
internal sealed class BodyTemplate
{
    private readonly List<object> _parts = [];
    private readonly List<(string Path, string Source)> _fields = [];

    private BodyTemplate()
    {
    }

    /// <summary>Gets the templates in the order in which they are rendered: where each stands in the body, e.g. <c>messages[0].content</c>, and its text.</summary>
    public IReadOnlyList<(string Path, string Source)> Fields => _fields;

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
                template.Add(value, name, pending);
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
    /// <param name="scope">The sample and its answers.</param>
    /// <param name="output">Where the body goes, behind what is there already.</param>
    /// <param name="fields">Receives the checksum of each of <see cref="Fields"/>; empty when nobody asks.</param>
    /// <exception cref="UnknownFieldException">A template prints a field that is not there.</exception>
    public void Render(TemplateScope scope, PooledBuffer output, Span<uint> fields)
    {
        var field = 0;
        foreach (var part in _parts)
        {
            if (part is byte[] bytes)
            {
                output.Write(bytes);
            }
            else
            {
                var start = output.WrittenCount;
                ((Template)part).RenderJson(scope, output);
                if (!fields.IsEmpty)
                {
                    fields[field++] = Checksum.Of(output.WrittenSpan[start..]);
                }
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

    private void Add(JsonNode? node, string path, ArrayBufferWriter<byte> pending)
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
                    Add(value, $"{path}.{name}", pending);
                }

                pending.Write("}"u8);
                break;
            case JsonArray items:
                pending.Write("["u8);
                for (var i = 0; i < items.Count; i++)
                {
                    pending.Write(i == 0 ? ""u8 : ","u8);
                    Add(items[i], $"{path}[{i}]", pending);
                }

                pending.Write("]"u8);
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String && IsTemplate(value.GetValue<string>()):
                Flush(pending);
                _fields.Add((path, value.GetValue<string>()));
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
