using System.Globalization;
using System.Text;
using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;

namespace Sluice.Tests.Providers;

/// <summary>Lists of batches in whatever order providers give them: none that is young enough is overlooked, and no list is read for ever.</summary>
public sealed class BatchListTests
{
    private const int Since = 1000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static IBatchApi OpenAI(StubHttp http) => OpenAIProviderFactory.OpenAI.Create(new("openai", "chat", "http://h/v1/", null), http.Environment).Batch!;

    private static IBatchApi Anthropic(StubHttp http) => new AnthropicProviderFactory().Create(new("anthropic", "messages", "http://h", null), http.Environment).Batch!;

    /// <summary>A page whose batches are named for the second they were made in; 0 is one that does not tell.</summary>
    private static string Page(bool more, params int[] seconds) =>
        $$"""{"data":[{{string.Join(',', seconds.Select(s => s == 0 ? """{"id":"b0"}""" : $$"""{"id":"b{{s}}","created_at":{{s}}}"""))}}],"has_more":{{(more ? "true" : "false")}}}""";

    private static async Task<(string Ids, int Pages)> ReadAsync(params string[] pages)
    {
        int page = 0;
        using var http = new StubHttp(_ => StubHttp.Json(pages[page++]));
        List<BatchInfo> found = await OpenAI(http).ListAsync(DateTimeOffset.FromUnixTimeSeconds(Since), Token).ToListAsync(Token);
        return (string.Join(' ', found.Select(b => b.Id)), page);
    }

    [Fact]
    public async Task The_oldest_first_is_read_to_the_end()
    {
        var (ids, pages) = await ReadAsync(Page(true, 1, 2, 3), Page(true, 4, 5, 6), Page(false, 7, 2000, 2001));

        Assert.Equal(("b2000 b2001", 3), (ids, pages));
    }

    [Fact]
    public async Task One_old_batch_does_not_hide_those_behind_it()
    {
        var (ids, pages) = await ReadAsync(Page(true, 5, 2000), Page(false, 6, 2001, 7));

        Assert.Equal(("b2000 b2001", 2), (ids, pages));
    }

    [Fact]
    public async Task Pages_of_one_entry_tell_no_order_by_themselves()
    {
        var (ids, pages) = await ReadAsync(Page(true, 5), Page(true, 6), Page(false, 2000));

        Assert.Equal(("b2000", 3), (ids, pages));
    }

    [Fact]
    public async Task A_few_old_batches_that_fall_by_chance_do_not_hide_those_behind_them()
    {
        var (ids, pages) = await ReadAsync(Page(true, 9), Page(true, 7), Page(true, 6, 5, 4, 3), Page(true, 2), Page(false, 2000));

        Assert.Equal(("b2000", 5), (ids, pages));
    }

    [Fact]
    public async Task The_newest_first_ends_with_the_first_page_of_old_ones()
    {
        var (ids, pages) = await ReadAsync(Page(true, 2008, 2007, 2006, 2005), Page(true, 2004, 2003, 2002, 2001, 9), Page(true, 8, 7), Page(true, 6, 5));

        Assert.Equal(("b2008 b2007 b2006 b2005 b2004 b2003 b2002 b2001", 3), (ids, pages));
    }

    [Fact]
    public async Task Equal_times_are_no_order()
    {
        var (ids, pages) = await ReadAsync(Page(true, 5, 5, 5), Page(false, 2000));

        Assert.Equal(("b2000", 2), (ids, pages));
    }

    [Fact]
    public async Task One_that_does_not_tell_its_time_is_listed_and_ends_nothing()
    {
        var (ids, pages) = await ReadAsync(Page(true, 9, 0, 8), Page(false, 2000));

        Assert.Equal(("b0 b2000", 2), (ids, pages));
    }

    [Fact]
    public async Task A_list_that_gives_the_same_page_for_ever_is_an_error_and_no_proof_of_absence()
    {
        using var http = new StubHttp(_ => StubHttp.Json(Page(true, 2000, 2001)));
        foreach (IBatchApi api in (IBatchApi[])[OpenAI(http), Anthropic(http)])
        {
            var found = new List<string>();
            ProviderException error = await Assert.ThrowsAsync<ProviderException>(async () =>
            {
                await foreach (BatchInfo batch in api.ListAsync(DateTimeOffset.FromUnixTimeSeconds(Since), Token))
                {
                    found.Add(batch.Id);
                }
            });

            Assert.Equal((ErrorClass.Permanent, "endless_list"), (error.Error.Class, error.Error.Code));
            Assert.Equal(["b2000", "b2001"], found);
        }
    }

    [Fact]
    public async Task Where_a_page_does_not_tell_whether_there_are_more_the_list_is_read_until_nothing_comes()
    {
        var (ids, pages) = await ReadAsync(Untold(2003, 2002), Untold(2002, 2001), Untold());

        Assert.Equal(("b2003 b2002 b2001", 3), (ids, pages));
    }

    [Fact]
    public async Task A_list_without_pages_is_whole_when_it_is_shorter_than_any_page()
    {
        var (ids, pages) = await ReadAsync(Untold(2001, 2000), Untold(2002, 2001, 2000), Untold(2002, 2001, 2000));

        Assert.Equal(("b2001 b2000 b2002", 3), (ids, pages));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_list_that_may_be_cut_is_an_error_and_no_proof_of_absence(bool isEmpty)
    {
        // One says that it has more and shows nothing, one shows as many as a page may hold, whatever is asked for.
        string body = isEmpty ? """{"data":[],"has_more":true,"last_id":null}""" : Untold([.. Enumerable.Range(2000, 20)]);
        using var http = new StubHttp(_ => StubHttp.Json(body));

        foreach (IBatchApi api in (IBatchApi[])[OpenAI(http), Anthropic(http)])
        {
            ProviderException error = await Assert.ThrowsAsync<ProviderException>(() => api.ListAsync(DateTimeOffset.FromUnixTimeSeconds(Since), Token).ToListAsync(Token).AsTask());

            Assert.Equal((ErrorClass.Permanent, "endless_list"), (error.Error.Class, error.Error.Code));
        }
    }

    [Fact]
    public async Task An_empty_page_that_names_its_place_in_the_list_is_not_the_end()
    {
        var (ids, pages) = await ReadAsync(Page(true, 2001), """{"data":[],"has_more":true,"last_id":"hidden"}""", Page(false, 2000));

        Assert.Equal(("b2001 b2000", 3), (ids, pages));
    }

    private static string Untold(params int[] seconds) => Page(false, seconds).Replace(",\"has_more\":false", "", StringComparison.Ordinal);

    [Fact]
    public async Task A_list_without_end_is_given_up_after_a_thousand_pages()
    {
        int next = 2000;
        using var http = new StubHttp(_ => StubHttp.Json(Page(true, next++)));

        ProviderException error = await Assert.ThrowsAsync<ProviderException>(() => OpenAI(http).ListAsync(DateTimeOffset.FromUnixTimeSeconds(Since), Token).ToListAsync(Token).AsTask());

        Assert.Equal(("endless_list", 3000), (error.Error.Code, next));
    }

    [Fact]
    public async Task Anthropics_list_is_read_by_the_same_rule()
    {
        string[] pages = [AnthropicPage(true, 1, 2000), AnthropicPage(false, 2, 2001)];
        int page = 0;
        using var http = new StubHttp(_ => StubHttp.Json(pages[page++]));

        List<BatchInfo> found = await Anthropic(http).ListAsync(DateTimeOffset.FromUnixTimeSeconds(Since), Token).ToListAsync(Token);

        Assert.Equal(["b2000", "b2001"], found.Select(b => b.Id));
        Assert.EndsWith("&after_id=b2000", http.Asked[1].Url, StringComparison.Ordinal);

        static string AnthropicPage(bool more, params int[] seconds)
        {
            var text = new StringBuilder("{\"data\":[");
            text.AppendJoin(',', seconds.Select(s => $$"""{"id":"b{{s}}","created_at":"{{DateTimeOffset.FromUnixTimeSeconds(s).ToString("O", CultureInfo.InvariantCulture)}}"}"""));
            return text.Append("],\"has_more\":").Append(more ? "true" : "false").Append('}').ToString();
        }
    }
}
