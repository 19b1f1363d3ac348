using System.Text;
using Sluice.Experiments;
using Sluice.Pricing;
using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;
using Sluice.Requests;

namespace Sluice.Tests.Requests;

/// <summary>Which server a request goes to is part of its key, where the vendor does not settle it.</summary>
public class ServerKeyTests
{
    private const string Body = """{"max_tokens":16,"messages":[{"content":"2+2?","role":"user"}],"model":"m"}""";

    /// <summary>
    /// These never change either. The first one in Python:
    /// <code>
    /// python3 -c 'import hashlib,base64; print(base64.urlsafe_b64encode(hashlib.sha256(b"sluice/1\nopenai-compatible@http://127.0.0.1:8000/v1\n/v1/chat/completions\n" +
    ///   b"{\"max_tokens\":16,\"messages\":[{\"content\":\"2+2?\",\"role\":\"user\"}],\"model\":\"m\"}" + b"\n0").digest()).decode().rstrip("="))'
    /// </code>
    /// </summary>
    [Theory]
    [InlineData("openai-compatible", "chat", "http://127.0.0.1:8000/v1", null, "LWOshhctIwdVklgUyX-u5ADod_nIS-w0VSCFBz4P5GI")]
    [InlineData("openai-compatible", "responses", "http://127.0.0.1:8000/v1", null, "BAMcsmY-gINf3XnEzfZw6dtneVP3RPABZEb3L_Z7LJo")]
    [InlineData("openai-compatible", "chat", "http://127.0.0.1:8000/v1", "gpu-7", "hPRd8d-xCSHftpE21vAjioBlYoLS4V3QuVEhH22nM40")]
    [InlineData("openai", "chat", "https://gateway.example/openai/v1", null, "BtswNKpoiCSO6kHka0kGdGF0-I6w7uN9fsnqMrx_5kk")]
    [InlineData("anthropic", "messages", "https://gateway.example/anthropic", null, "RmSYrxvJ5cdJYe_wccSoIB7G_YCNkZf7IIKAFc_cH20")]
    [InlineData("anthropic", "messages", null, "eu", "LS4G8W6ZoMx9qw0i8Qs6HW-g2WT2qUA4uhfjTK-CBmM")]
    public void Keys_with_a_server_never_change(string provider, string api, string? baseUrl, string? server, string key) =>
        Assert.Equal(key, Key(provider, api, baseUrl, server));

    [Theory]
    [InlineData("openai", "chat", null, "openai")]
    [InlineData("openai", "chat", "https://api.openai.com/v1", "openai")]
    [InlineData("openai", "chat", "HTTPS://API.OpenAI.com:443/v1/", "openai")]
    [InlineData("anthropic", "messages", null, "anthropic")]
    [InlineData("anthropic", "messages", "https://api.anthropic.com/", "anthropic")]
    public void The_vendors_own_address_is_in_no_key(string provider, string api, string? baseUrl, string dialect) =>
        Assert.Equal(RequestKey.Compute(dialect, api == "chat" ? "/v1/chat/completions" : "/v1/messages", Encoding.UTF8.GetBytes(Body), 0).ToString(), Key(provider, api, baseUrl, null));

    [Fact]
    public void An_address_of_the_environment_is_in_no_key()
    {
        foreach (string name in (string[])["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"])
        {
            Assert.Equal(Key("openai", "chat", null, null), Key("openai", "chat", null, null, variable => variable == name ? "https://gateway.example/v1" : null));
            Assert.Equal(Key("anthropic", "messages", null, null), Key("anthropic", "messages", null, null, variable => variable == name ? "https://gateway.example" : null));
        }
    }

    [Theory]
    [InlineData("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1")]
    [InlineData("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1")]
    [InlineData("http://127.0.0.1:8000/v1//", "http://127.0.0.1:8000/v1")]
    [InlineData("HTTP://Node-7.Example:80/V1", "http://node-7.example/V1")]
    [InlineData("https://node.example:443", "https://node.example")]
    [InlineData("https://node.example:8443/a/b/", "https://node.example:8443/a/b")]
    [InlineData("http://node.example:443/v1", "http://node.example:443/v1")]
    [InlineData("http://[::1]:8000/v1", "http://[::1]:8000/v1")]
    [InlineData("http://[0:0:0:0:0:0:0:1]:8000/v1", "http://[::1]:8000/v1")]
    [InlineData("http://müller.example/v1", "http://xn--mller-kva.example/v1")]
    public void One_server_has_one_address_however_it_is_written(string written, string address) => Assert.Equal(address, ProviderAddress.ForKeys(new Uri(written)));

    [Fact]
    public void Two_servers_two_names_and_two_paths_have_different_keys()
    {
        string[] keys =
        [
            Key("openai-compatible", "chat", "http://127.0.0.1:8000/v1", null), Key("openai-compatible", "chat", "http://127.0.0.1:8001/v1", null),
            Key("openai-compatible", "chat", "http://127.0.0.1:8000/V1", null), Key("openai-compatible", "chat", "https://127.0.0.1:8000/v1", null),
            Key("openai-compatible", "chat", "http://localhost:8000/v1", null), Key("openai-compatible", "chat", "http://localhost:8000/v1", "a"),
            Key("openai-compatible", "chat", "http://localhost:8000/v1", "A"), Key("openai", "chat", "http://127.0.0.1:8000/v1", null), Key("openai", "chat", null, null),
        ];

        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.Equal(Key("openai-compatible", "chat", "http://old.example/v1", "gpu"), Key("openai-compatible", "chat", "http://new.example/v1", "gpu"));
    }

    private static string Key(string provider, string api, string? baseUrl, string? server, Func<string, string?>? environment = null)
    {
        var providers = new ProviderRegistry(
            [OpenAIProviderFactory.OpenAI, new AnthropicProviderFactory(), OpenAIProviderFactory.Compatible],
            new ProviderEnvironment(environment ?? (_ => null), new HttpClient(), TimeProvider.System));
        var model = new ModelOptions { Provider = provider, Name = "m", Api = api, BaseUrl = baseUrl, Server = server, Params = new System.Text.Json.Nodes.JsonObject { ["max_tokens"] = 16 } };
        var experiment = new Experiment { Name = "e", Source = "e.yaml", ComposedYaml = "", Dataset = null!, Steps = [new StepOptions { Name = "answer", Model = model, User = "2+2?" }] };
        byte[] prefix = ExperimentPlan.Compile([experiment], providers, PriceList.BuiltIn, default)[0].Steps[0].KeyPrefix;
        return new RequestKey(System.Security.Cryptography.SHA256.HashData([.. prefix, .. Encoding.UTF8.GetBytes(Body), .. RequestKey.Suffix(0)])).ToString();
    }
}
