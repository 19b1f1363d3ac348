using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Sluice.Requests;

namespace Sluice.Tests.Requests;

public class RequestKeyTests
{
    private const string Chat = """{"model":"gpt-4o-mini","temperature":0.0,"messages":[{"role":"user","content":"2+2?"}],"max_tokens":16}""";
    private const string Responses = """{"model":"gpt-4o-mini","input":"2+2?","max_output_tokens":16}""";
    private const string Messages = """{"model":"claude-haiku-4-5","max_tokens":1.6e1,"messages":[{"role":"user","content":"2+2?"}]}""";
    private const string Unicode = """{"model":"m","messages":[{"role":"user","content":"Gr\u00fc\u00dfe, \"世界\" \ud83e\udd86\n\u0001"}],"temperature":0.1}""";

    private static RequestKey Key(string dialect, string endpoint, string body, int epoch) =>
        RequestKey.Compute(dialect, endpoint, CanonicalJson.Serialize(JsonNode.Parse(body)), epoch);

    /// <summary>
    /// These never change: a change orphans every cache in the world. The first one in Python:
    /// <code>
    /// python3 -c 'import hashlib,base64; print(base64.urlsafe_b64encode(hashlib.sha256(b"sluice/1\nopenai\n/v1/chat/completions\n" +
    ///   b"{\"max_tokens\":16,\"messages\":[{\"content\":\"2+2?\",\"role\":\"user\"}],\"model\":\"gpt-4o-mini\",\"temperature\":0}" + b"\n0").digest()).decode().rstrip("="))'
    /// </code>
    /// </summary>
    [Theory]
    [InlineData("openai", "/v1/chat/completions", Chat, 0, "GvXfJ1p58w-ZkcANBJvVKMcXsrvV6TWa1_3vUkc33gE")]
    [InlineData("openai", "/v1/chat/completions", Chat, 1, "Q8nS-80-noz3WQwcEV0CkXD-x72kG40iqtLgr1Le4ak")]
    [InlineData("openai", "/v1/chat/completions", Chat, 12, "P3371yCfN3efYQmIvJhVgoSC_14IZvKl1x2LSvfHnJQ")]
    [InlineData("openai", "/v1/responses", Responses, 0, "yGlJAlmcvJW3z1ebrE76ecHOabAdTxHqwG2vMzQQldM")]
    [InlineData("anthropic", "/v1/messages", Messages, 0, "wxwH2TOpUau83RIYZ7uwE0hrgUOqF91a0FWWezS9PG0")]
    [InlineData("openai-compatible", "/v1/chat/completions", Unicode, 0, "5iq2wQum-tkEdUBUjomjAh6_eD7in-4A3Mq37H03_bI")]
    [InlineData("simulated", "/v1/chat/completions", Chat, 0, "fqfzV-fj4i3zPYqjVqy7gXTpITJ_4VE30XyyIkQolZo")]
    public void Keys_never_change(string dialect, string endpoint, string body, int epoch, string key) =>
        Assert.Equal(key, Key(dialect, endpoint, body, epoch).ToString());

    /// <summary>As above, with <c>sluice/1:étude 2</c> in place of <c>sluice/1</c>.</summary>
    [Fact]
    public void Keys_with_a_scope_never_change_either()
    {
        byte[] body = CanonicalJson.Serialize(JsonNode.Parse(Chat));
        Assert.Equal("889cwZUc6O7JuoPK-NgUAbKD-zsGakOabuo9qlIN1mk", RequestKey.Compute("openai", "/v1/chat/completions", body, 0, "étude 2").ToString());
        Assert.NotEqual(RequestKey.Compute("openai", "/v1/chat/completions", body, 0, "a"), RequestKey.Compute("openai", "/v1/chat/completions", body, 0, "b"));
    }

    [Fact]
    public void A_key_does_not_depend_on_how_the_body_is_spelled() =>
        Gen.Select(JsonGen.Object, Gen.Int).Sample((body, seed) =>
            Assert.Equal(Key("d", "/e", body.ToJsonString(), 3), Key("d", "/e", JsonGen.Respell(body, new Random(seed)), 3)), iter: 1000);

    [Fact]
    public void Another_dialect_endpoint_body_or_epoch_has_another_key()
    {
        var parts = Gen.Select(Gen.OneOf("openai", "openai-compatible", "anthropic"), Gen.OneOf("/v1/messages", "/v1/responses"), JsonGen.Object, Gen.Int[0, 12]);
        Gen.Select(parts, parts).Sample((a, b) =>
        {
            var (left, right) = (Encoding.UTF8.GetString(CanonicalJson.Serialize(a.Item3)), Encoding.UTF8.GetString(CanonicalJson.Serialize(b.Item3)));
            bool same = (a.Item1, a.Item2, left, a.Item4) == (b.Item1, b.Item2, right, b.Item4);

            Assert.Equal(same, Key(a.Item1, a.Item2, left, a.Item4) == Key(b.Item1, b.Item2, right, b.Item4));
        }, iter: 2000);
    }

    [Theory]
    [InlineData("openai", "/v1/responses", Chat, 0)]
    [InlineData("simulated", "/v1/chat/completions", Chat, 0)]
    [InlineData("openai", "/v1/chat/completions", """{"model":"gpt-4o-mini","temperature":1,"messages":[{"role":"user","content":"2+2?"}],"max_tokens":16}""", 0)]
    [InlineData("openai", "/v1/chat/completions", Chat, 10)]
    public void Each_part_counts_alone(string dialect, string endpoint, string body, int epoch) =>
        Assert.NotEqual(Key("openai", "/v1/chat/completions", Chat, 0), Key(dialect, endpoint, body, epoch));

    [Fact]
    public void A_key_is_43_characters_of_base64url_and_reads_back() =>
        Gen.Byte.Array[RequestKey.Length].Sample(bytes =>
        {
            var key = new RequestKey(bytes);
            byte[] text = new byte[RequestKey.TextLength];
            key.WriteText(text);

            Assert.Equal(key.ToString(), Encoding.ASCII.GetString(text));
            Assert.Matches("^[A-Za-z0-9_-]{43}$", key.ToString());
            Assert.True(RequestKey.TryParse(text, out RequestKey back));
            Assert.Equal(key, back);
            byte[] copy = new byte[RequestKey.Length];
            back.CopyTo(copy);
            Assert.Equal(bytes, copy);
        }, iter: 1000);

    [Theory]
    [InlineData("")]
    [InlineData("GvXfJ1p58w-ZkcANBJvVKMcXsrvV6TWa1_3vUkc33g")]
    [InlineData("GvXfJ1p58w-ZkcANBJvVKMcXsrvV6TWa1_3vUkc33gEA")]
    [InlineData("GvXfJ1p58w+ZkcANBJvVKMcXsrvV6TWa1/3vUkc33gE")]
    [InlineData("GvXfJ1p58w-ZkcANBJvVKMcXsrvV6TWa1_3vUkc33g=")]
    [InlineData("GvXfJ1p58w ZkcANBJvVKMcXsrvV6TWa1_3vUkc33gE")]
    [InlineData("GvXfJ1p58w-ZkcANBJvVKMcXsrvV6TWa1_3vUkc33gF")]
    public void A_text_that_is_no_key_is_turned_down(string text) => Assert.False(RequestKey.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Any_bytes_at_all_are_turned_down_without_an_exception() =>
        Gen.OneOf(Gen.Byte.Array[RequestKey.TextLength], Gen.Byte.Array[0, 100], Gen.Char[" -_=%Az09\n"].Array[RequestKey.TextLength].Select(c => Encoding.ASCII.GetBytes(c)))
            .Sample(bytes => Assert.True(!RequestKey.TryParse(bytes, out RequestKey key) || key.ToString() == Encoding.ASCII.GetString(bytes)), iter: 2000);
}
