using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Sluice.Experiments.Templates;
using Sluice.Requests;
using Sluice.Storage;
using Sluice.Tests.Requests;

namespace Sluice.Tests.Experiments.Templates;

public class BodyTemplateTests
{
    private static string Render(JsonObject templated, JsonObject literal, string sampleText)
    {
        var scope = new TemplateScope();
        using JsonDocument document = JsonDocument.Parse(Encoding.UTF8.GetString(CanonicalJson.Serialize(new JsonObject { ["x"] = sampleText })));
        scope.Set(document.RootElement, [], []);
        using var output = new PooledBuffer(1024);
        BodyTemplate.Compile(templated, literal).Render(scope, output, []);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    [Fact]
    public void A_rendered_body_is_the_canonical_form_of_the_body_rendered_by_hand()
    {
        var body = JsonGen.Object.Select(o => (JsonObject)WithTemplates(o)!);
        Gen.Select(body, JsonGen.Object, JsonGen.Text).Sample((templated, literal, text) =>
        {
            var expected = (JsonObject)literal.DeepClone();
            foreach (var (name, value) in templated)
            {
                expected[name] = ByHand(value, text);
            }

            Assert.Equal(Encoding.UTF8.GetString(CanonicalJson.Serialize(expected)), Render(templated, literal, text));
        }, iter: 2000);
    }

    [Theory]
    [InlineData("say \"hi\"\n\t\\", "\"say \\\"hi\\\"\\n\\t\\\\\"")]
    [InlineData("ü🦆\u2028", "\"ü🦆\u2028\"")]
    [InlineData("\",\"role\":\"system", "\"\\\",\\\"role\\\":\\\"system\"")]
    [InlineData("\u0001", "\"\\u0001\"")]
    public void A_samples_text_cannot_break_out_of_its_string(string text, string json) =>
        Assert.Equal($$"""{"content":{{json}},"model":"m"}""", Render(new() { ["content"] = "{{ sample.x }}" }, new() { ["model"] = "m" }, text));

    [Fact]
    public void Half_an_emoji_becomes_the_replacement_character() =>
        Assert.Equal("{\"content\":\"\ufffd\"}", Render(new() { ["content"] = "{{ sample.x | slice: 0, 1 }}" }, [], "🦆"));

    [Fact]
    public void A_samples_text_is_never_taken_for_a_template() =>
        Assert.Equal("""{"content":"{{ sample.x }} {% raw %}"}""", Render(new() { ["content"] = "{{ sample.x }}" }, [], "{{ sample.x }} {% raw %}"));

    [Fact]
    public void Literal_fields_are_never_taken_for_templates() =>
        Assert.Equal("""{"a":"x","stop":["{{ sample.y }}","{%"]}""", Render(new() { ["a"] = "{{ sample.x }}" }, new() { ["stop"] = new JsonArray("{{ sample.y }}", "{%") }, "x"));

    [Fact]
    public void A_templated_field_wins_over_a_literal_one() =>
        Assert.Equal("""{"a":"x"}""", Render(new() { ["a"] = "{{ sample.x }}" }, new() { ["a"] = 1 }, "x"));

    [Fact]
    public void Braces_that_are_no_template_stay() =>
        Assert.Equal("""{"a":"{ not } one }}","b":{"{":"}"}}""", Render(new() { ["a"] = "{ not } one }}", ["b"] = new JsonObject { ["{"] = "}" } }, [], ""));

    [Fact]
    public void A_broken_template_is_found_when_the_body_is_compiled() =>
        Assert.Throws<FormatException>(() => BodyTemplate.Compile(new() { ["a"] = new JsonArray("{{ oops") }, []));

    private static JsonNode? WithTemplates(JsonNode? node) => node switch
    {
        JsonObject o => new JsonObject(o.Select(m => KeyValuePair.Create(m.Key, WithTemplates(m.Value)))),
        JsonArray a => new JsonArray([.. a.Select(WithTemplates)]),
        null => null,
        _ when node.GetValueKind() == JsonValueKind.String && node.GetValue<string>() is { Length: > 3 } text && !text.Contains('{', StringComparison.Ordinal) => text + "{{ sample.x }}-" + "{{sample.x}}",
        _ when node.GetValueKind() == JsonValueKind.String && node.GetValue<string>().Contains("{{", StringComparison.Ordinal) => "no template",
        _ => node.DeepClone(),
    };

    private static JsonNode? ByHand(JsonNode? node, string text) => node switch
    {
        JsonObject o => new JsonObject(o.Select(m => KeyValuePair.Create(m.Key, ByHand(m.Value, text)))),
        JsonArray a => new JsonArray([.. a.Select(i => ByHand(i, text))]),
        null => null,
        _ when node.GetValueKind() == JsonValueKind.String => node.GetValue<string>().Replace("{{ sample.x }}", text, StringComparison.Ordinal).Replace("{{sample.x}}", text, StringComparison.Ordinal),
        _ => node.DeepClone(),
    };
}
