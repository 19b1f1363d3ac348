using System.Security.Cryptography;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>An API key is in the environment and in the calls to its provider, and nowhere else, whatever the provider says.</summary>
public sealed class SecretJourneys : Journey
{
    private readonly string _canary = "sk-canary/" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));
    private readonly Dictionary<string, string> _texts = [];
    private string _last = "";

    private string Workspace => Path.Combine(Folder, "workspace");

    [Theory]
    [InlineData("openai", "OPENAI_API_KEY", "upload")]
    [InlineData("anthropic", "ANTHROPIC_API_KEY", "create")]
    [InlineData("openai-compatible", "KEY_OF_MY_SERVER", "upload")]
    public async Task A_key_is_on_no_disk_and_on_no_screen_even_when_the_provider_repeats_it(string provider, string variable, string first)
    {
        var echo = $$$"""{\"error\":{\"message\":\"not with Authorization: Bearer {{{_canary}}}\",\"code\":\"{{{_canary}}}\"}}""";
        await ProviderAsync($$"""
            [{ "when": { "operation": "{{first}}" }, "fault": { "type": "http-status", "status": 500, "body": "{{echo}}" } },
             { "when": { "operation": "get" }, "times": 3, "fault": { "type": "http-status", "status": 500, "body": "{{echo}}" } },
             { "when": { "operation": "list" }, "fault": { "type": "http-status", "status": 500, "body": "<html>{{_canary}}</html>" } },
             { "when": { "operation": "cancel" }, "fault": { "type": "http-status", "status": 500, "body": "{{echo}}" } },
             { "when": { "operation": "line", "match": "Question 3 " }, "times": 1, "fault": { "type": "line-error", "status": 400, "message": "line with {{_canary}}" } },
             { "when": { "operation": "live", "match": "Question 4 " }, "times": 1, "fault": { "type": "http-status", "status": 400, "body": "{{echo}}" } },
             { "when": { "operation": "live", "match": "Question 5 " }, "skip": 1, "times": 1, "fault": { "type": "http-status", "status": 402, "body": "{{echo}}" } }]
            """, batchDelay: 1);
        Set(variable, _canary);
        Dataset(8);
        Config(provider: provider);
        if (provider == "openai-compatible")
        {
            Write("configs/one.yaml", (await File.ReadAllTextAsync(Path.Combine(Folder, "configs/one.yaml"), Cancel))
                .Replace("provider: openai-compatible,", $"provider: openai-compatible, base_url: {Simulator.Address}v1, api_key_env: {variable},", StringComparison.Ordinal));
        }

        await DoAsync(0, "plan", "configs", "--verbose");
        await using (var run = Start("run", "configs", "--workspace", Workspace, "--sweep", "first", "--verbose"))
        {
            await run.SaysAsync("requests to");
            Assert.DoesNotContain(_canary, await File.ReadAllTextAsync($"/proc/{run.Id}/cmdline", Cancel), StringComparison.Ordinal);
            Keep(await run.EndAsync(), "run");
        }

        Assert.Contains("not with Authorization: Bearer ***", _last, StringComparison.Ordinal);
        Assert.Contains("line with ***", await File.ReadAllTextAsync(Path.Combine(Workspace, "runs/first/one/results.jsonl"), Cancel), StringComparison.Ordinal);

        await DoAsync(1, "run", "configs", "--sweep", "live", "batch_mode=false", "model.params.max_tokens=63");
        Assert.Contains("Bearer ***", _last, StringComparison.Ordinal);
        await DoAsync(4, "run", "configs", "--sweep", "refused", "batch_mode=false", "model.params.max_tokens=62", "--verbose");
        Assert.Contains("Bearer ***", _last, StringComparison.Ordinal);

        await DoAsync(8, "submit", "configs", "--sweep", "cancelled", "model.params.max_tokens=61");
        // The provider refuses, and the command says so.
        await DoAsync(1, "cancel", "--all");
        await DoAsync(null, "cancel", "--all", "--json");
        await DoAsync(null, "retrieve", "--wait", "--json");

        await using (var run = Start("run", "configs", "--workspace", Workspace, "--sweep", "killed", "model.params.max_tokens=60"))
        {
            await run.SaysAsync("requests to");
            await run.KillAsync();
            _texts["killed"] = run.Text;
        }

        // As a killed process leaves it: with the files beside the databases.
        Assert.Contains(Directory.EnumerateFiles(Path.Combine(Workspace, ".sluice")), file => file.EndsWith("-wal", StringComparison.Ordinal));
        RequireHidden();

        await DoAsync(8, "status", "--all");
        await DoAsync(8, "status", "--all", "--json");
        Set(variable, "invalid-" + _canary);
        await DoAsync(4, "run", "configs", "--sweep", "invalid", "model.params.max_tokens=59", "--verbose");
        Set(variable, _canary + "\nand another line");
        await DoAsync(4, "run", "configs", "--sweep", "broken", "model.params.max_tokens=58", "--verbose");
        Set(variable, _canary);
        await DoAsync(0, "run", "configs", "--sweep", "killed", "--json", "model.params.max_tokens=60");
        string[] account = provider == "openai-compatible" ? ["--base-url", $"{Simulator.Address}v1", "--api-key-env", variable] : [];
        // At OpenAI the list has not been asked for so far: the first time it cannot be read.
        await DoAsync(null, ["adopt", "--provider", provider, "--verbose", .. account]);
        await DoAsync(0, ["adopt", "--provider", provider, "--json", .. account]);
        await DoAsync(0, "doctor", "--json");
        await DoAsync(0, "run", "configs", "--sweep", "first", "--json", "--retry-failed");
        RequireHidden();
    }

    private async Task DoAsync(int? exitCode, params string[] args)
    {
        var result = await RunAsync([.. args, "--workspace", Workspace]);
        Keep(result, string.Join(' ', args));
        Assert.True((exitCode ?? result.ExitCode) == result.ExitCode, $"{string.Join(' ', args)}: exit code {result.ExitCode} instead of {exitCode}\n{_last}");
    }

    private void Keep(CliResult result, string what) => _texts[what] = _last = result.Output + result.Errors;

    private void RequireHidden() => Invariants.Require(new Facts { Folder = Workspace, Texts = _texts, Secrets = [_canary, _canary.Replace("/", "\\/", StringComparison.Ordinal)] });
}
