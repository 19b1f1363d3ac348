using System.Text;
using Sluice.Caching;
using Sluice.Caching.Exchange;
using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;
using Sluice.Requests;
using Sluice.Tests.Datasets;

namespace Sluice.Tests.Caching.Exchange;

/// <summary>Files that others made with a vendor's API alone.</summary>
public sealed class PairImportTests
{
    private const string Body = """{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}],"temperature":0}""";
    private const string Answer = """{"id":"c1","created":1795500000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}""";

    private static readonly IDialect[] s_openAI = [new OpenAIChatDialect("openai"), new OpenAIResponsesDialect("openai")];
    private static readonly IDialect[] s_anthropic = [new AnthropicMessagesDialect("anthropic")];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static string Asked(string id, string body = Body, string url = "/v1/chat/completions") => $$"""{"custom_id":"{{id}}","method":"POST","url":"{{url}}","body":{{body}}}""" + "\n";

    private static string Answered(string id, string body = Answer) => $$$"""{"id":"batch_req_1","custom_id":"{{{id}}}","response":{"status_code":200,"request_id":"r","body":{{{body}}}},"error":null}""" + "\n";

    private static RequestKey Key(string canonical, string endpoint = "/v1/chat/completions", int epoch = 0, string? scope = null, string dialect = "openai") =>
        RequestKey.Compute(dialect, endpoint, Encoding.UTF8.GetBytes(canonical), epoch, scope);

    private static PairImport Import(TemporaryCache cache, PairOptions? options = null) => new(cache.Cache, s_openAI, options ?? new PairOptions { Provider = "openai" });

    [Theory]
    [InlineData("""{"temperature":0.0,"model":"gpt-4o-mini","messages":[{"content":"Hi","role":"user"}],"stream":true}""")]
    [InlineData("""{ "model": "gpt\u002d4o-mini", "stream": false, "messages": [ { "role": "user", "content": "\u0048i" } ], "temperature": 0e5 }""")]
    public async Task A_request_is_the_same_however_it_is_written(string body)
    {
        await using var cache = new TemporaryCache();
        using PairImport import = Import(cache, new PairOptions { Provider = "openai", StoresRequests = true });

        await import.ReadAsync(cache.Write("in.jsonl", Asked("a", body)), [cache.Write("out.jsonl", Answered("a"))], Token);

        const string Canonical = """{"messages":[{"content":"Hi","role":"user"}],"model":"gpt-4o-mini","temperature":0}""";
        StoredResponse entry = (await cache.Cache.FindAsync(Key(Canonical), Token))!;
        Assert.Equal((Answer, Canonical, new TokenUsage(9, 2)), (Encoding.UTF8.GetString(entry.Body!), Encoding.UTF8.GetString(entry.Request!), entry.Usage));
        Assert.Equal((new ResponseOrigin("openai", "gpt-4o-mini", "out.jsonl"), DateTimeOffset.FromUnixTimeSeconds(1795500000)), (entry.Origin, entry.CreatedAt));
        Assert.Equal((1L, 1L, 1L, 0L, 0L), (import.Requests, import.Responses, import.New, import.Failed, import.Unanswered));
    }

    [Fact]
    public async Task Results_of_another_vendor_are_no_failed_requests()
    {
        await using var cache = new TemporaryCache();
        using PairImport openAI = Import(cache);
        using var anthropic = new PairImport(cache.Cache, s_anthropic, new PairOptions { Provider = "anthropic" });
        string theirs = cache.Write("results.jsonl", """{"custom_id":"a","result":{"type":"succeeded","message":{"id":"m","type":"message","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}}}""" + "\n");
        string asked = cache.Write("in.jsonl", """{"custom_id":"a","params":{"model":"claude","max_tokens":1,"messages":[{"role":"user","content":"Hi"}]}}""" + "\n");

        SluiceException mixed = await Assert.ThrowsAsync<SluiceException>(() => openAI.ReadAsync(cache.Write("i.jsonl", Asked("a")), [theirs], Token));
        SluiceException reverse = await Assert.ThrowsAsync<SluiceException>(() => anthropic.ReadAsync(asked, [cache.Write("out.jsonl", Answered("a"))], Token));

        Assert.Contains("results.jsonl has results as Anthropic writes them, and the provider is openai", mixed.Message, StringComparison.Ordinal);
        Assert.Contains("out.jsonl has results as OpenAI writes them, and the provider is anthropic", reverse.Message, StringComparison.Ordinal);
        Assert.Equal((0L, 0L), (openAI.Failed, anthropic.Failed));
    }

    [Fact]
    public async Task The_url_tells_the_dialect_and_epoch_and_scope_are_part_of_the_key()
    {
        await using var cache = new TemporaryCache();
        const string Asking = """{"input":"Hi","model":"o"}""";
        const string Response = """{"id":"r1","status":"completed","created_at":1795500000,"output":[{"type":"message","content":[{"type":"output_text","text":"Hello"}]}],"usage":{"input_tokens":1,"output_tokens":1}}""";
        using PairImport import = Import(cache, new PairOptions { Provider = "openai", Epoch = 3, Scope = "study" });

        await import.ReadAsync(cache.Write("in.jsonl", Asked("a", Asking, "/v1/responses")), [cache.Write("batch_0123456789abcdef_output.jsonl", Answered("a", Response))], Token);

        StoredResponse? entry = await cache.Cache.FindAsync(Key(Asking, "/v1/responses", 3, "study"), Token);
        Assert.Equal("batch_0123456789abcdef", entry?.Origin.Source);
        Assert.Null(entry!.Request);
    }

    [Theory]
    [InlineData("batch_abc123_output.jsonl", "batch_abc123")]
    [InlineData("msgbatch_0q_results.jsonl", "msgbatch_0q_results.jsonl")]
    [InlineData("batch_output.jsonl", "batch_output.jsonl")]
    [InlineData("batch_CBqjVNieWAAsncNqcBPyUwYu_output.jsonl", "batch_CBqjVNieWAAsncNqcBPyUwYu")] // one of seventy ids of this length has no digit
    public async Task An_id_in_a_files_name_has_a_digit_or_is_long(string file, string source)
    {
        await using var cache = new TemporaryCache();
        using PairImport import = Import(cache);

        await import.ReadAsync(cache.Write("in.jsonl", Asked("a")), [cache.Write(file, Answered("a"))], Token);

        Assert.Equal(source, Assert.Single(await TemporaryCache.ListAsync(cache.Cache)).Origin.Source);
    }

    [Fact]
    public async Task A_batch_that_a_line_or_the_user_names_goes_before_the_files_name()
    {
        await using var cache = new TemporaryCache();
        string input = cache.Write("in.jsonl", Asked("a") + Asked("b", """{"model":"m","messages":[]}"""));
        string named = cache.Write("out.jsonl", Answered("a").Replace("\"error\"", "\"batch_id\":\"batch_of_line\",\"error\"", StringComparison.Ordinal));
        using PairImport import = Import(cache);
        await import.ReadAsync(input, [named], Token);
        using PairImport told = Import(cache, new PairOptions { Provider = "openai", Source = "batch_told" });
        await told.ReadAsync(input, [cache.Write("out2.jsonl", Answered("b"))], Token);

        Assert.Equal(["batch_of_line", "batch_told"], (await TemporaryCache.ListAsync(cache.Cache)).Select(e => e.Origin.Source));
    }

    [Fact]
    public async Task Failures_and_what_has_no_result_are_counted_and_not_stored()
    {
        await using var cache = new TemporaryCache();
        string input = cache.Write("in.jsonl", string.Concat("abcde".Select(c => Asked($"{c}", Body.Replace("Hi", $"{c}", StringComparison.Ordinal)))));
        string output = cache.Write("out.jsonl", Answered("b"));
        string errors = cache.Write("err.jsonl",
            """{"custom_id":"c","response":{"status_code":400,"body":{"error":{"message":"no","type":"invalid_request_error"}}},"error":null}""" + "\n" +
            """{"custom_id":"d","response":null,"error":{"code":"batch_expired","message":"late"}}""" + "\n");
        using PairImport import = Import(cache);

        await import.ReadAsync(input, [output, errors], Token);

        Assert.Equal((5L, 1L, 2L, 2L, 0L), (import.Requests, import.Responses, import.Failed, import.Unanswered, import.Broken.Count));
        Assert.Single(await TemporaryCache.ListAsync(cache.Cache));
    }

    [Fact]
    public async Task Lines_that_do_not_fit_are_named_with_file_and_line()
    {
        await using var cache = new TemporaryCache();
        string input = cache.Write("in.jsonl",
            Asked("a") + "no json\n" + Asked("a") + Asked("e", Body, "/v1/embeddings") + """{"custom_id":"u","body":{}}""" + "\n" + Asked("big", """{"model":"m","seed":9007199254740993}""") + Asked("twice", """{"a":1,"a":2}"""));
        string output = cache.Write("out.jsonl",
            Answered("a") + Answered("a") + Answered("stranger") + """{"response":null}""" + "\n" + Answered("big") + Answered("twice") + "cut {");
        using PairImport import = Import(cache);

        await import.ReadAsync(input, [output], Token);

        string[] named = import.Broken.ToError(import.Responses)!.Message.Split('\n');
        (string File, string What)[] expected =
        [
            ("in.jsonl, line 2", "no JSON"), ("in.jsonl, line 3", "a second request with custom_id `a`"), ("in.jsonl, line 4", "its url `/v1/embeddings` is none of /v1/chat/completions, /v1/responses"),
            ("in.jsonl, line 5", "its url `` is none of"), ("out.jsonl, line 2", "a second result for custom_id `a`"), ("out.jsonl, line 3", "the input has no request with custom_id `stranger`"),
            ("out.jsonl, line 4", "no custom_id"), ("out.jsonl, line 5", "9007199254740993"), ("out.jsonl, line 6", "the request cannot be read"), ("out.jsonl, line 7", "no JSON"),
        ];
        Assert.Equal(expected.Length + 1, named.Length);
        Assert.All(expected.Zip(named.Skip(1)), pair =>
        {
            Assert.Contains(pair.First.File, pair.Second, StringComparison.Ordinal);
            Assert.Contains(pair.First.What, pair.Second, StringComparison.Ordinal);
        });
        Assert.Equal(1, import.Responses);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public async Task Results_in_any_order_find_their_requests_in_files_of_many_lines(string compression)
    {
        await using var cache = new TemporaryCache();
        const int Count = 3000;
        string Asking(int i) => $$"""{"max_tokens":{{i + 1}},"messages":[{"content":"{{new string('ü', i % 700)}}","role":"user"}],"model":"c"}""";
        int[] order = [.. Enumerable.Range(0, Count)];
        new Random(5).Shuffle(order);
        byte[] input = Encoding.UTF8.GetBytes("\ufeff" + string.Concat(Enumerable.Range(0, Count).Select(i => $$"""  {"custom_id":"req-{{i}}","params":{{Asking(i)}}}""" + (i % 3 == 0 ? "\r\n\n" : "\n"))));
        byte[] output = Encoding.UTF8.GetBytes(string.Concat(order.Select(i =>
            $$"""{"custom_id":"req-{{i}}","result":{"type":"succeeded","message":{"id":"m","content":[{"type":"text","text":"{{i}}"}],"usage":{"output_tokens":1,"input_tokens":{{i}} } } } }""" + "\n")));
        string inputPath = Path.Combine(cache.Folder, "in.jsonl" + compression), outputPath = Path.Combine(cache.Folder, "msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d_results.jsonl" + compression);
        await File.WriteAllBytesAsync(inputPath, DatasetFolder.Compress(inputPath, input), Token);
        await File.WriteAllBytesAsync(outputPath, DatasetFolder.Compress(outputPath, output), Token);
        using var import = new PairImport(cache.Cache, s_anthropic, new PairOptions { Provider = "anthropic" });

        await import.ReadAsync(inputPath, [outputPath], Token);

        Assert.Null(import.Broken.ToError(0));
        Assert.Equal((Count, Count, 0L), ((int)import.Requests, (int)import.New, import.Unanswered));
        var found = new CachedResponse?[Count];
        await cache.Cache.GetAsync(Enumerable.Range(0, Count).Select(i => Key(Asking(i), "/v1/messages", dialect: "anthropic")).ToArray(), found, cancellationToken: Token);
        Assert.Equal(Enumerable.Range(0, Count).Select(i => (long)i), found.Select(f => f!.Usage.Input));
        Assert.Equal("msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d", (await TemporaryCache.ListAsync(cache.Cache))[0].Origin.Source);
    }

    [Fact]
    public async Task A_cut_input_stops_before_anything_is_stored()
    {
        await using var cache = new TemporaryCache();
        string input = Path.Combine(cache.Folder, "in.jsonl.gz");
        byte[] whole = DatasetFolder.Compress(input, Encoding.UTF8.GetBytes(Asked("a")));
        await File.WriteAllBytesAsync(input, whole[..^4], Token);

        using (PairImport import = Import(cache))
        {
            var error = await Assert.ThrowsAsync<SluiceException>(() => import.ReadAsync(input, [cache.Write("out.jsonl", Answered("a"))], Token));
            Assert.Contains("file " + input, error.Message, StringComparison.Ordinal);
        }

        Assert.Empty(await TemporaryCache.ListAsync(cache.Cache));
    }
}
