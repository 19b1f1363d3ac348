using Sluice.Datasets;

namespace Sluice.Tests.Datasets;

public sealed class DelimitedTests : IDisposable
{
    private readonly DatasetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", new string[0])]
    [InlineData("a,b", new string[0])]
    [InlineData("a,b\r\n", new string[0])]
    [InlineData("a,b\n1,2", new[] { """{"a":"1","b":"2"}""" })]
    [InlineData("\uFEFFa,b\r\n1,2\r\n", new[] { """{"a":"1","b":"2"}""" })]
    [InlineData("a,b\n\n1,2\n\r\n3,4\n", new[] { """{"a":"1","b":"2"}""", """{"a":"3","b":"4"}""" })]
    [InlineData("a,b\n,\n", new[] { """{"a":"","b":""}""" })]
    [InlineData("a,b\n\"x,y\",\"he said \"\"hi\"\"\"\n", new[] { """{"a":"x,y","b":"he said \"hi\""}""" })]
    [InlineData("a,b\n\"one\ntwo\r\n\nfour\",2\r\n", new[] { """{"a":"one\ntwo\r\n\nfour","b":"2"}""" })]
    [InlineData("a,b\n5\" pipe,x\"y\"\n", new[] { """{"a":"5\" pipe","b":"x\"y\""}""" })]
    [InlineData("a,b\n\"\",\"\"\n", new[] { """{"a":"","b":""}""" })]
    [InlineData("a,b\n\"\"\"\",\" \"\n", new[] { """{"a":"\"","b":" "}""" })]
    [InlineData("\"a\",\"b \"\"c\"\"\"\n1,\\\n", new[] { """{"a":"1","b \"c\"":"\\"}""" })]
    [InlineData("# not a comment,b\n#1,ü\n", new[] { """{"# not a comment":"#1","b":"ü"}""" })]
    [InlineData("a\tb\n1\t2\n", new[] { """{"a\tb":"1\t2"}""" })]
    public async Task Rows_become_objects_of_strings(string content, string[] expected) =>
        Assert.Equal(expected, await DatasetFolder.ReadJsonAsync(new() { Path = _folder.Write("a.csv", content) }));

    [Fact]
    public async Task Tabs_divide_the_fields_of_tsv() =>
        Assert.Equal(["""{"a":"1,1","b":"x\ty"}"""], await DatasetFolder.ReadJsonAsync(new() { Path = _folder.Write("a.tsv", "a\tb\n1,1\t\"x\ty\"\n") }));

    [Fact]
    public async Task Lines_are_those_where_the_rows_start()
    {
        string path = _folder.Write("a.csv", "a,b\n\"1\n\n\",2\n\n3,4\n");

        Assert.Equal([2L, 6L], (await DatasetFolder.ReadAsync(new() { Path = path })).Select(r => r.Line));
    }

    [Theory]
    [InlineData("a,b,a\n", "two columns are named 'a'")]
    [InlineData("a,,c\n1,2,3\n", "column 2 has no name")]
    [InlineData("a, \n", "column 2 has no name")]
    [InlineData("\"a\n", "never closed")]
    public async Task A_header_without_a_name_for_each_column_is_refused(string content, string reason)
    {
        SluiceException error = await DatasetFolder.FailsAsync(new() { Path = _folder.Write("a.csv", content), OnError = RecordErrorPolicy.Skip });

        Assert.Contains("its header on line 1 is wrong", error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Theory]
    [InlineData("1", "1 fields, but the header has 2")]
    [InlineData("1,2,3", "3 fields, but the header has 2")]
    [InlineData("1,2,", "3 fields, but the header has 2")]
    [InlineData("\"1\"x,2", "text after its closing quote")]
    [InlineData("\"1\" ,2", "text after its closing quote")]
    public async Task A_wrong_row_is_broken_and_the_next_one_is_not(string row, string reason)
    {
        var stats = new DatasetReadStats();
        string path = _folder.Write("a.csv", $"a,b\n1,2\n{row}\n5,6\n");

        List<DatasetRecord> records = await DatasetFolder.ReadAsync(new() { Path = path, OnError = RecordErrorPolicy.Skip }, stats);

        Assert.Equal([0L, 2L], records.Select(r => r.Number));
        Assert.StartsWith($"{path}, line 3: ", Assert.Single(stats.Messages));
        Assert.Contains(reason, stats.Messages[0]);
        Assert.StartsWith($"{path}, line 3: ", (await DatasetFolder.FailsAsync(new() { Path = path })).Message);
    }

    [Fact]
    public async Task A_quote_that_is_never_closed_is_blamed_on_the_line_that_opened_it()
    {
        string path = _folder.Write("a.csv", "a,b\n1,2\n3,\"4\n5,6\n7,8\n");

        Assert.Equal($"{path}, line 3: a quote is opened and never closed", (await DatasetFolder.FailsAsync(new() { Path = path })).Message);
    }

    [Fact]
    public async Task A_quote_that_swallows_more_than_the_cap_is_blamed_on_its_line_and_reading_goes_on_behind()
    {
        var stats = new DatasetReadStats();
        string path = _folder.Write("a.csv", "a,b\n1,\"open\n" + string.Concat(Enumerable.Repeat("x,y\n", 30)));

        List<DatasetRecord> records = await DatasetFolder.ReadAsync(new() { Path = path, OnError = RecordErrorPolicy.Skip, MaxRecordBytes = 50 }, stats);

        Assert.InRange(records.Count, 15, 25);
        Assert.Contains("line 2: larger than 50 bytes", Assert.Single(stats.Messages));
        Assert.Contains("quote", stats.Messages[0]);
    }

    [Fact]
    public async Task Invalid_utf8_is_blamed_on_its_column_even_when_two_fields_would_heal_each_other()
    {
        var stats = new DatasetReadStats();
        string path = _folder.Write("a.csv", [.. "a,b\n"u8, 0xC3, (byte)',', 0xBC, .. "\nü,ü\n"u8]);

        string[] read = await DatasetFolder.ReadJsonAsync(new() { Path = path, OnError = RecordErrorPolicy.Skip }, stats);

        Assert.Equal(["""{"a":"ü","b":"ü"}"""], read);
        Assert.Contains("line 2: not valid UTF-8 in column 'a'", Assert.Single(stats.Messages));
    }

    [Fact]
    public async Task Ids_come_from_a_column()
    {
        string path = _folder.Write("a.csv", "key,b\nq1,x\nq2,y\n");

        Assert.Equal(["q1", "q2"], (await DatasetFolder.ReadAsync(new() { Path = path, Id = "key" })).Select(r => r.Id));
        Assert.Contains("no id field 'kee'", (await DatasetFolder.FailsAsync(new() { Path = path, Id = "kee" })).Message);
    }
}
