using System.Text.Json;
using Sluice.Experiments.Templates;
using Sluice.Requests;

namespace Sluice.Tests.Experiments.Templates;

public class TemplateTests
{
    private const string Sample = """
        {"question":"2+2?","empty":"","nothing":null,"price":3.10,"prices":[1.50,-0.0,2],"count":7,"big":12345678901234567890123456789012,"tiny":1e-30,"exp":1e2,"yes":true,
         "tags":["a","b",{"name":"c"}],"nested":{"deep":{"er":"x"}},"odd name":"y","size":"mine","half":"a\ud83e"}
        """;

    private static readonly Response[] s_answers = [new("four", "stop", new TokenUsage(10, 2))];

    private static string Render(string template, params Response?[] answers)
    {
        var scope = new TemplateScope();
        using JsonDocument document = JsonDocument.Parse(Sample);
        scope.Set(document.RootElement, ["answer", "judge"], [.. answers, .. new Response?[2 - answers.Length]]);
        return Template.Parse(template).Render(scope);
    }

    private static UnknownFieldException Unknown(string template) => Assert.Throws<UnknownFieldException>(() => Render(template, s_answers));

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("{{ sample.question }}", "2+2?")]
    [InlineData("{{sample.question}} {{ sample['question'] }}", "2+2? 2+2?")]
    [InlineData("{{ sample['odd name'] }}", "y")]
    [InlineData("{{ sample.nested.deep.er }}", "x")]
    [InlineData("{{ sample.tags[0] }}{{ sample.tags[1] }}{{ sample.tags[2].name }}", "abc")]
    [InlineData("{{ sample.tags.size }} {{ sample.tags | size }} {{ sample.tags.first }}", "3 3 a")]
    [InlineData("{% for tag in sample.tags %}[{{ forloop.index }}]{% endfor %}", "[1][2][3]")]
    [InlineData("{{ sample.size }} {{ sample.nested.size }}", "mine 1")]
    [InlineData("{{ sample.empty }}|{{ sample.nothing }}|{{ sample.yes }}", "||true")]
    [InlineData("{{ sample.question | upcase | append: '!' }}", "2+2?!")]
    [InlineData("{% if sample.yes %}y{% else %}n{% endif %}", "y")]
    [InlineData("{% assign x = sample.count | plus: 1 %}{{ x }}", "8")]
    [InlineData("{{ sample.half }}", "a\ufffd")]
    [InlineData("{{ sample.nested }}", """{"deep":{"er":"x"}}""")]
    [InlineData("<b>&\"{{ '<>&' }}\"</b>", "<b>&\"<>&\"</b>")]
    public void Fields_are_printed_as_they_are(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("{{ sample.price }}", "3.10")]
    [InlineData("{{ sample.count }}", "7")]
    [InlineData("{{ sample.big }}", "12345678901234567890123456789012")]
    [InlineData("{{ sample.exp }}", "1e2")]
    [InlineData("{{ sample.tiny }}", "1e-30")]
    [InlineData("{{ sample.price | plus: 1 }}", "4.1")]
    [InlineData("{{ sample.price | times: 2 }}", "6.2")]
    [InlineData("{% if sample.price > 3 and sample.price < 4 and sample.price == 3.1 and sample.count >= 7 %}y{% endif %}", "y")]
    [InlineData("{% assign p = sample.price %}{% if p >= 3.1 and 3 < p %}{{ p }}{% endif %}", "3.10")]
    [InlineData("{% for p in sample.prices %}{{ p }} {% endfor %}{{ sample.prices[0] }} {{ sample.prices | join: ',' }}", "1.50 -0.0 2 1.50 1.50,-0.0,2")]
    [InlineData("{{ sample.prices | sort | json }}", "[-0.0,1.50,2]")]
    [InlineData("{% case sample.price %}{% when 3.1 %}y{% endcase %}", "y")]
    [InlineData("{{ sample.price | round }}{{ sample.price | floor }}{{ sample.exp | divided_by: 8 }}", "3312")]
    [InlineData("{% if sample.big > 1 %}y{% endif %}", "y")]
    public void Numbers_keep_their_spelling(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("{{ sample.qestion }}", "sample.qestion")]
    [InlineData("{{ sample.nested.deep.err }}", "sample.nested.deep.err")]
    [InlineData("{{ sample.tags[2].nme }}", "sample.tags[2].nme")]
    [InlineData("{{ sample['question '] }}", "sample.question ")]
    [InlineData("{{ sample.qestion | upcase }}", "sample.qestion")]
    [InlineData("{{ sample.qestion | json }}", "sample.qestion")]
    [InlineData("a {{ sample.qestion.text }}", "sample.qestion")]
    [InlineData("{{ smple.question }}", "smple")]
    [InlineData("{{ question }}", "question")]
    [InlineData("{{ steps.answr.text }}", "steps.answr")]
    [InlineData("{{ steps.judge.text }}", "steps.judge")]
    [InlineData("{{ steps.answer.txt }}", "steps.answer.txt")]
    [InlineData("{{ steps.answer }}", "steps.answer")]
    [InlineData("{{ steps }}", "steps")]
    [InlineData("{{ steps.answer | json }}", "steps.answer")]
    public void Printing_what_is_not_there_is_an_error_that_names_the_path(string template, string path)
    {
        UnknownFieldException error = Unknown(template);

        Assert.Equal((path, $"unknown field `{path}`"), (error.Path, error.Message));
    }

    /// <summary>Otherwise an empty prompt is sent and paid for.</summary>
    [Theory]
    [InlineData("{{ sample.question.text }}")]
    [InlineData("{{ sample.count.text }}")]
    [InlineData("{{ sample.tags[9] }}")]
    [InlineData("{{ sample.tags.nme }}")]
    [InlineData("{{ sample.nothing.text }}")]
    [InlineData("{{ sample.tags[0].text | upcase }}")]
    [InlineData("{% for tag in sample.tags %}{{ tag.id }}{% endfor %}")]
    [InlineData("{% if true %}{{ sample.question.text }}{% endif %}")]
    [InlineData("{% assign x = sample.question.text %}{{ x }}")]
    [InlineData("{% capture x %}{{ sample.question.text }}{% endcapture %}")]
    [InlineData("{{ steps.answer.text.value }}")]
    public void A_field_of_something_that_has_no_fields_is_not_printed_as_nothing(string template) => Unknown(template);

    [Theory]
    [InlineData("{{ sample.qestion }}", "there is: question, empty, nothing, price, prices")]
    [InlineData("{{ sample.tags[9] }}", "{{ sample.tags[9] | default: \"\" }}")]
    [InlineData("{{ sample.question.text }}", "{{ sample.question.text | default: \"\" }}")]
    [InlineData("{{ sample.qestion }}", "{{ sample.qestion | default: \"\" }}")]
    [InlineData("{{ steps.answr }}", "there is: answer;")]
    [InlineData("{{ steps.answer }}", "steps.answer.text")]
    [InlineData("{{ steps.answer.txt }}", "text, finish, input_tokens, output_tokens")]
    [InlineData("{{ smple }}", "there is: sample, steps")]
    public void The_hint_says_what_there_is(string template, string hint) => Assert.Contains(hint, Unknown(template).Hint, StringComparison.Ordinal);

    [Theory]
    [InlineData("{{ sample.qestion | default: 'none' }}", "none")]
    [InlineData("{{ sample.nothing | default: 'none' }}", "none")]
    [InlineData("{{ sample.nested.a.b | default: '' }}", "")]
    [InlineData("{% if sample.qestion %}a{% else %}b{% endif %}", "b")]
    [InlineData("{% if sample.qestion == nil %}a{% endif %}", "a")]
    [InlineData("{% unless sample.nested.a.b %}a{% endunless %}", "a")]
    [InlineData("{% if steps.judge %}a{% else %}b{% endif %}", "b")]
    [InlineData("{% for x in sample.qestion %}a{% endfor %}", "")]
    public void Missing_fields_are_harmless_where_nothing_is_printed(string template, string expected) => Assert.Equal(expected, Render(template, s_answers));

    [Theory]
    [InlineData("{{ steps.answer.text }}", "four")]
    [InlineData("{{ steps['answer'].text | upcase }}", "FOUR")]
    [InlineData("{{ steps.answer.finish }}", "stop")]
    [InlineData("{{ steps.answer.input_tokens }}+{{ steps.answer.output_tokens }}", "10+2")]
    public void An_earlier_answer_is_seen_by_its_steps_name(string template, string expected) => Assert.Equal(expected, Render(template, s_answers));

    [Theory]
    [InlineData("{{ sample.nested | json }}", """{"deep":{"er":"x"}}""")]
    [InlineData("{{ sample.tags | json }}", """["a","b",{"name":"c"}]""")]
    [InlineData("{{ sample.question | json }}", "\"2+2?\"")]
    [InlineData("{{ 'a\"ü' | json }}", "\"a\\\"ü\"")]
    [InlineData("{{ sample.price | json }}", "3.10")]
    [InlineData("{{ sample.big | json }}", "12345678901234567890123456789012")]
    [InlineData("{{ sample.exp | json }}", "1e2")]
    [InlineData("{{ sample.yes | json }} {{ sample.nothing | json }}", "true null")]
    [InlineData("{{ sample.half | json }}", "\"a\ufffd\"")]
    public void The_json_filter_writes_JSON(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("{{ sample.question | shout }}", "shout")]
    [InlineData("{% assign x = 1 %}{{ x | nope: 2 }}", "nope")]
    public void An_unknown_filter_is_an_error(string template, string name) =>
        Assert.Contains(name, Assert.Throws<FormatException>(() => Render(template)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{{ sample.question")]
    [InlineData("{% if x %}")]
    [InlineData("{% nonsense %}")]
    [InlineData("{{ | }}")]
    public void What_is_no_Liquid_is_refused_when_it_is_parsed(string template) => Assert.Throws<FormatException>(() => Template.Parse(template));

    [Fact]
    public void A_template_that_never_ends_is_stopped() =>
        Assert.Throws<FormatException>(() => Render("{% for i in (1..2000000) %}{% assign x = i %}{% endfor %}"));

    [Fact]
    public void One_sample_leaves_nothing_behind_for_the_next()
    {
        var scope = new TemplateScope();
        Template assign = Template.Parse("{% assign x = sample.a %}{{ x }}");
        using JsonDocument first = JsonDocument.Parse("{\"a\":1}");
        using JsonDocument second = JsonDocument.Parse("{\"b\":2}");
        scope.Set(first.RootElement, [], []);
        Assert.Equal("1", assign.Render(scope));

        scope.Set(second.RootElement, [], []);

        Assert.Throws<UnknownFieldException>(() => Template.Parse("{{ x }}").Render(scope));
    }
}
