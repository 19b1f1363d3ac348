using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Sluice.Requests;

namespace Sluice.Tests.Requests;

public class CanonicalJsonTests
{
    private static string Canonical(string json) => Encoding.UTF8.GetString(CanonicalJson.Serialize(JsonNode.Parse(json)));

    /// <summary>RFC 8785, appendix B.</summary>
    [Theory]
    [InlineData(0x0000000000000000, "0")]
    [InlineData(0x8000000000000000, "0")]
    [InlineData(0x0000000000000001, "5e-324")]
    [InlineData(0x8000000000000001, "-5e-324")]
    [InlineData(0x7fefffffffffffff, "1.7976931348623157e+308")]
    [InlineData(0xffefffffffffffff, "-1.7976931348623157e+308")]
    [InlineData(0x4340000000000000, "9007199254740992")]
    [InlineData(0xc340000000000000, "-9007199254740992")]
    [InlineData(0x4430000000000000, "295147905179352830000")]
    [InlineData(0x44b52d02c7e14af5, "9.999999999999997e+22")]
    [InlineData(0x44b52d02c7e14af6, "1e+23")]
    [InlineData(0x44b52d02c7e14af7, "1.0000000000000001e+23")]
    [InlineData(0x444b1ae4d6e2ef4e, "999999999999999700000")]
    [InlineData(0x444b1ae4d6e2ef4f, "999999999999999900000")]
    [InlineData(0x444b1ae4d6e2ef50, "1e+21")]
    [InlineData(0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7")]
    [InlineData(0x3eb0c6f7a0b5ed8d, "0.000001")]
    [InlineData(0x41b3de4355555553, "333333333.3333332")]
    [InlineData(0x41b3de4355555554, "333333333.33333325")]
    [InlineData(0x41b3de4355555555, "333333333.3333333")]
    [InlineData(0x41b3de4355555556, "333333333.3333334")]
    [InlineData(0x41b3de4355555557, "333333333.33333343")]
    [InlineData(0xbecbf647612f3696, "-0.0000033333333333333333")]
    [InlineData(0x43143ff3c1cb0959, "1424953923781206.2")]
    public void Numbers_are_written_as_the_table_of_RFC_8785_says(ulong bits, string expected) =>
        Assert.Equal(expected, CanonicalJson.FormatNumber(BitConverter.UInt64BitsToDouble(bits)));

    [Theory]
    [InlineData(0x7fffffffffffffff)]
    [InlineData(0x7ff0000000000000)]
    [InlineData(0xfff0000000000000)]
    public void Numbers_that_JSON_does_not_know_are_refused(ulong bits) =>
        Assert.Throws<FormatException>(() => CanonicalJson.FormatNumber(BitConverter.UInt64BitsToDouble(bits)));

    [Fact]
    public void A_number_reads_back_as_itself() =>
        Gen.Double.Where(double.IsFinite).Sample(value => Assert.Equal(value, double.Parse(CanonicalJson.FormatNumber(value), System.Globalization.CultureInfo.InvariantCulture)), iter: 20_000);

    [Theory]
    [InlineData("1.0", "1")]
    [InlineData("1e2", "100")]
    [InlineData("1E+2", "100")]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "0")]
    [InlineData("0.10", "0.1")]
    [InlineData("1e-7", "1e-7")]
    [InlineData("4.50", "4.5")]
    [InlineData("9007199254740992", "9007199254740992")]
    [InlineData("9007199254740994", "9007199254740994")]
    [InlineData("1e30", "1e+30")]
    [InlineData("10000000000000000000000", "1e+22")]
    public void A_number_has_one_spelling(string literal, string expected) => Assert.Equal(expected, Canonical(literal));

    [Theory]
    [InlineData("9007199254740993")]
    [InlineData("-9007199254740993")]
    [InlineData("9223372036854775807")]
    [InlineData("9007199254740992.5")]
    [InlineData("1e400")]
    public void A_number_that_would_be_sent_changed_is_refused(string literal) =>
        Assert.Throws<FormatException>(() => Canonical(literal));

    [Fact]
    public void The_example_of_RFC_8785_section_3_2_2_comes_out_as_printed() =>
        Assert.Equal(
            """{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}""",
            Canonical("""
                {
                  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                  "literals": [null, true, false]
                }
                """));

    [Fact]
    public void Members_are_sorted_by_UTF_16_code_units_as_in_RFC_8785_section_3_2_3() =>
        Assert.Equal(
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
            Canonical("""
                {"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
                 "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}
                """));

    [Fact]
    public void Only_what_must_be_escaped_is_escaped()
    {
        string all = string.Concat(Enumerable.Range(0, 0x80).Select(i => (char)i));
        string expected = string.Concat(Enumerable.Range(0, 0x80).Select(i => (char)i switch
        {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\b' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\f' => "\\f",
            '\r' => "\\r",
            < ' ' => $"\\u{i:x4}",
            var c => c.ToString(),
        }));

        Assert.Equal($"\"{expected}\u2028<>&\"", Encoding.UTF8.GetString(CanonicalJson.Serialize(JsonValue.Create(all + "\u2028<>&"))));
    }

    [Fact]
    public void A_lone_surrogate_becomes_the_replacement_character_and_its_neighbours_stay() =>
        Assert.Equal("\"a\ufffdb😀\\n\ufffd\"", Encoding.UTF8.GetString(CanonicalJson.Serialize(JsonValue.Create("a\ud83db😀\n\ude00"))));

    [Fact]
    public void The_spelling_of_a_value_does_not_change_its_bytes() =>
        Gen.Select(JsonGen.Value, Gen.Int).Sample((value, seed) =>
        {
            byte[] plain = CanonicalJson.Serialize(value);
            byte[] respelled = CanonicalJson.Serialize(JsonNode.Parse(JsonGen.Respell(value, new Random(seed))));

            Assert.Equal(Encoding.UTF8.GetString(plain), Encoding.UTF8.GetString(respelled));
        }, iter: 2000);

    [Fact]
    public void Canonical_bytes_are_the_same_value_and_are_canonical_already() =>
        JsonGen.Value.Sample(value =>
        {
            byte[] bytes = CanonicalJson.Serialize(value);
            JsonNode? back = JsonNode.Parse(bytes);

            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(value?.ToJsonString() ?? "null"), back) || JsonGen.HasNumbers(value), Encoding.UTF8.GetString(bytes));
            Assert.Equal(bytes, CanonicalJson.Serialize(back));
        }, iter: 2000);
}
