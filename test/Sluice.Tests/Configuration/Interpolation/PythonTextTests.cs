using Sluice.Configuration;
using Sluice.Configuration.Interpolation;

namespace Sluice.Tests.Configuration.Interpolation;

public sealed class PythonTextTests
{
    [Theory]
    [InlineData("[1, a, null, true, 1.0, 1e-5, .inf]", "[1, 'a', None, True, 1.0, 1e-05, inf]")]
    [InlineData("{ k: v, n: [] , e: {} }", "{'k': 'v', 'n': [], 'e': {}}")]
    [InlineData("[\"it's\", 'say \"hi\"', \"it's \\\"x\\\"\"]", "[\"it's\", 'say \"hi\"', 'it\\'s \"x\"']")]
    [InlineData("[\"a\\nb\\tc\\rd\\\\e\"]", @"['a\nb\tc\rd\\e']")]
    [InlineData("[\"\\x01\\xA0\\u200B\\U000E0001é😀\"]", @"['\x01\xa0\u200b\U000e0001é😀']")]
    [InlineData("text's", "text's")]
    [InlineData("null", "None")]
    [InlineData("yes", "True")]
    [InlineData("1_000", "1000")]
    public void A_value_becomes_text_as_in_Python(string yaml, string expected) =>
        Assert.Equal(expected, PythonText.Of(YamlReader.Read("x: " + yaml, "f") is ConfigMapping { Entries: [var entry] } ? entry.Value : null!));
}
