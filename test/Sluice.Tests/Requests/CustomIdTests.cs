using System.Text;
using CsCheck;
using Sluice.Requests;

namespace Sluice.Tests.Requests;

public class CustomIdTests
{
    private static readonly Gen<string> s_intent = Gen.Char["abcdefghijklmnopqrstuvwxyz234567"].Array[CustomId.IntentLength].Select(c => new string(c));

    private static readonly Gen<RequestKey> s_key = Gen.Byte.Array[RequestKey.Length].Select(b => new RequestKey(b));

    private static byte[] Write(string intent, RequestKey key)
    {
        byte[] id = new byte[CustomId.Length];
        CustomId.Write(intent, key, id);
        return id;
    }

    [Fact]
    public void Every_custom_id_is_64_characters_that_all_providers_take_and_can_be_taken_apart() =>
        Gen.Select(s_intent, s_key).Sample((intent, key) =>
        {
            byte[] id = Write(intent, key);

            Assert.Matches("^[A-Za-z0-9_-]{64}$", Encoding.ASCII.GetString(id));
            Assert.True(CustomId.TryParse(id, out ReadOnlySpan<byte> owner, out RequestKey back));
            Assert.Equal((intent, key), (Encoding.ASCII.GetString(owner), back));
        }, iter: 1000);

    [Fact]
    public void Other_keys_and_intents_have_other_custom_ids() =>
        Gen.Select(s_intent, s_key, s_intent, s_key).Where(t => t.Item1 != t.Item3 && t.Item2 != t.Item4).Sample((intent, key, otherIntent, otherKey) =>
        {
            string id = Encoding.ASCII.GetString(Write(intent, key));

            Assert.NotEqual(id, Encoding.ASCII.GetString(Write(otherIntent, key)));
            Assert.NotEqual(id, Encoding.ASCII.GetString(Write(intent, otherKey)));
        }, iter: 500);

    [Theory]
    [InlineData("")]
    [InlineData("request-1")]
    [InlineData("aaaaaaaaaaaaaaaaaaaa_GvXfJ1p58w-ZkcANBJvVKMcXsrvV6TWa1_3vUkc33gE")]
    [InlineData("aaaaaaaaaaaaaaaaaaaa-GvXfJ1p58w-ZkcANBJvVKMcXsrvV6TWa1_3vUkc33gEx")]
    [InlineData("aaaaaaaaaaaaaaaaaaa-GvXfJ1p58w-ZkcANBJvVKMcXsrvV6TWa1_3vUkc33gEx")]
    [InlineData("aaaaaaaaaaaaaaaaaaaa-GvXfJ1p58w-ZkcANBJvVKMcXsrvV6TWa1_3vUkc33!!")]
    public void The_id_of_somebody_else_is_turned_down(string id) => Assert.False(CustomId.TryParse(Encoding.ASCII.GetBytes(id), out _, out _));

    [Fact]
    public void Any_bytes_at_all_are_turned_down_without_an_exception() =>
        Gen.Select(Gen.Byte.Array[CustomId.Length], Gen.Bool).Sample((bytes, dash) =>
        {
            bytes[CustomId.IntentLength] = dash ? (byte)'-' : bytes[CustomId.IntentLength];

            Assert.True(!CustomId.TryParse(bytes, out _, out RequestKey key) || key.ToString() == Encoding.ASCII.GetString(bytes[(CustomId.IntentLength + 1)..]));
        }, iter: 1000);
}
