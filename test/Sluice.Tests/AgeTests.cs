namespace Sluice.Tests;

public sealed class AgeTests
{
    [Theory]
    [InlineData("45s", 45)]
    [InlineData("90m", 90 * 60)]
    [InlineData("12h", 12 * 3600)]
    [InlineData("30d", 30 * 86400)]
    [InlineData(" 2w ", 14 * 86400)]
    [InlineData("0s", 0)]
    [InlineData("36525d", 36525L * 86400)]
    public void A_number_and_a_unit_are_an_age(string text, long seconds)
    {
        Assert.True(Age.TryParse(text, out TimeSpan age));
        Assert.Equal(TimeSpan.FromSeconds(seconds), age);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("d")]
    [InlineData("30")]
    [InlineData("-1d")]
    [InlineData("+1d")]
    [InlineData("1.5h")]
    [InlineData("1 d")]
    [InlineData("1h30m")]
    [InlineData("30D")]
    [InlineData("36526d")]
    [InlineData("99999999999999999999d")]
    [InlineData("9223372036854775807w")]
    [InlineData("١d")]
    public void Anything_else_is_none(string? text) => Assert.False(Age.TryParse(text, out _));
}
