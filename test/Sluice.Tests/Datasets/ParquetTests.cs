using System.Text;
using Parquet;
using Parquet.Data;
using Parquet.File.Values.Primitives;
using Parquet.Schema;
using Parquet.Serialization;
using Sluice.Datasets;

namespace Sluice.Tests.Datasets;

public sealed class ParquetTests : IDisposable
{
    private readonly DatasetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Flat_columns_become_fields_of_the_right_json_type()
    {
        string path = await WriteAsync("a.parquet",
            (new DataField<string>("text"), (g, f) => g.WriteAsync(f, (string?[])["a \"ü\" 🦆", null, ""])),
            (new DataField<int?>("i"), (g, f) => g.WriteAsync<int>(f, (int?[])[1, null, -3])),
            (new DataField<long>("l"), (g, f) => g.WriteAsync<long>(f, (long[])[long.MinValue, 0, long.MaxValue])),
            (new DataField<double?>("d"), (g, f) => g.WriteAsync<double>(f, (double?[])[0.1, double.NaN, null])),
            (new DataField<float>("f"), (g, f) => g.WriteAsync<float>(f, (float[])[1.5f, float.PositiveInfinity, -0f])),
            (new DataField<bool?>("b"), (g, f) => g.WriteAsync<bool>(f, (bool?[])[true, null, false])),
            (new DataField<byte[]>("bin"), (g, f) => g.WriteAsync(f, (byte[]?[])[[1, 2, 255], null, []])));

        Assert.Equal(
            [
                """{"text":"a \"ü\" \uD83E\uDD86","i":1,"l":-9223372036854775808,"d":0.1,"f":1.5,"b":true,"bin":"AQL/"}""",
                """{"text":null,"i":null,"l":0,"d":null,"f":null,"b":null,"bin":null}""",
                """{"text":"","i":-3,"l":9223372036854775807,"d":null,"f":-0,"b":false,"bin":""}""",
            ],
            await DatasetFolder.ReadJsonAsync(new() { Path = path }));
    }

    [Fact]
    public async Task Dates_times_and_decimals_are_written_without_loss()
    {
        var moment = new DateTime(2024, 2, 29, 13, 5, 7, 89, DateTimeKind.Utc);
        string path = await WriteAsync("a.parquet",
            (new DateTimeDataField("day", DateTimeFormat.Date), (g, f) => g.WriteAsync<DateTime>(f, (DateTime[])[moment.Date])),
            (new DateTimeDataField("ms", DateTimeFormat.Timestamp, isAdjustedToUTC: true, DateTimeTimeUnit.Millis), (g, f) => g.WriteAsync<DateTime>(f, (DateTime[])[moment])),
            (new DateTimeDataField("us", DateTimeFormat.Timestamp, isAdjustedToUTC: false, DateTimeTimeUnit.Micros), (g, f) => g.WriteAsync<DateTime>(f, (DateTime[])[moment.AddMicroseconds(12)])),
            (new DateTimeDataField("int96", DateTimeFormat.Impala), (g, f) => g.WriteAsync<DateTime>(f, (DateTime[])[moment])),
            (new TimeDataField("time", TimeUnitPrecision.Micros), (g, f) => g.WriteAsync<long>(f, (long[])[3_600_000_000L + 5_000_001])),
            (new DecimalDataField("dec", 9, 3), (g, f) => g.WriteAsync<decimal>(f, (decimal[])[-1234.5m])),
            (new DecimalDataField("wide", 38, 2, clrType: typeof(BigDecimal)), (g, f) => g.WriteAsync<BigDecimal>(f, (BigDecimal[])[new(System.Numerics.BigInteger.Parse("12345678901234567890123456789012345678"), 38, 2)])),
            (new DataField<Guid>("guid"), (g, f) => g.WriteAsync<Guid>(f, (Guid[])[Guid.Parse("00112233-4455-6677-8899-aabbccddeeff")])));

        Assert.Equal(
            [
                """{"day":"2024-02-29","ms":"2024-02-29T13:05:07.089Z","us":"2024-02-29T13:05:07.089012","int96":"2024-02-29T13:05:07.089","time":"01:00:05.000001","dec":-1234.500,"wide":123456789012345678901234567890123456.78,"guid":"00112233-4455-6677-8899-aabbccddeeff"}""",
            ],
            await DatasetFolder.ReadJsonAsync(new() { Path = path }));
    }

    [Fact]
    public async Task Lists_structs_and_maps_keep_their_nesting_nulls_and_emptiness()
    {
        Chat[] chats =
        [
            new() { Id = 1, Messages = [new() { Role = "user", Content = "hi", Tokens = [1, 2] }, new() { Role = "assistant", Content = null, Tokens = [] }], Tags = new() { ["a"] = "x", ["b"] = "y" }, Meta = new() { Source = "web" } },
            new() { Id = 2, Messages = [], Tags = [], Meta = null },
            new() { Id = 3, Messages = null, Tags = null, Meta = new() { Source = null } },
            new() { Id = 4, Messages = [new() { Role = "user", Content = "bye", Tokens = null }], Tags = new() { ["c"] = "z" }, Meta = new() { Source = "book" } },
        ];
        string path = Path.Combine(_folder.Path, "chat.parquet");
        await using (FileStream file = File.Create(path))
        {
            await ParquetSerializer.SerializeAsync(chats, file, cancellationToken: TestContext.Current.CancellationToken);
        }

        Assert.Equal(
            [
                """{"Id":1,"Messages":[{"Role":"user","Content":"hi","Tokens":[1,2]},{"Role":"assistant","Content":null,"Tokens":[]}],"Tags":[{"key":"a","value":"x"},{"key":"b","value":"y"}],"Meta":{"Source":"web"}}""",
                """{"Id":2,"Messages":[],"Tags":[],"Meta":null}""",
                """{"Id":3,"Messages":null,"Tags":null,"Meta":{"Source":null}}""",
                """{"Id":4,"Messages":[{"Role":"user","Content":"bye","Tokens":null}],"Tags":[{"key":"c","value":"z"}],"Meta":{"Source":"book"}}""",
            ],
            await DatasetFolder.ReadJsonAsync(new() { Path = path }));
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(0, 1)]
    [InlineData(3, 1)]
    [InlineData(4, 3)]
    [InlineData(5, null)]
    [InlineData(9, 5)]
    [InlineData(10, null)]
    [InlineData(99, 1)]
    public async Task A_window_over_row_groups_is_skip_and_take(int offset, int? limit)
    {
        string path = await WriteGroupsAsync("a.parquet", [4, 0, 1, 5]);

        List<DatasetRecord> read = await DatasetFolder.ReadAsync(new() { Path = path, Offset = offset, Limit = limit });

        var expected = Enumerable.Range(0, 10).Skip(offset).Take(limit ?? int.MaxValue).Select(n => ($"{n}", (long)n, n + 1L, $$"""{"n":{{n}},"list":[{{n}},{{n}}]}"""));
        Assert.Equal(expected, read.Select(r => (r.Id, r.Number, r.Line, Encoding.UTF8.GetString(r.Json.Span))));
    }

    [Theory]
    [InlineData("a.parquet.gz")]
    [InlineData("a.parquet.zst")]
    public async Task A_compressed_file_is_unpacked_aside_and_nothing_is_left_behind(string name)
    {
        string plain = await WriteGroupsAsync("a.parquet", [3]);
        string path = _folder.Write(name, await File.ReadAllBytesAsync(plain, TestContext.Current.CancellationToken));
        string[] before = Directory.GetFiles(Path.GetTempPath(), "sluice-*.parquet");

        Assert.Equal(3, (await DatasetFolder.ReadAsync(new() { Path = path })).Count);
        Assert.Equal(before, Directory.GetFiles(Path.GetTempPath(), "sluice-*.parquet"));
    }

    [Fact]
    public async Task Ids_come_from_a_column()
    {
        string path = await WriteGroupsAsync("a.parquet", [2]);

        Assert.Equal(["0", "1"], (await DatasetFolder.ReadAsync(new() { Path = path, Id = "n" })).Select(r => r.Id));
        Assert.Contains("row 1: the id field 'list' is a list", (await DatasetFolder.FailsAsync(new() { Path = path, Id = "list" })).Message);
    }

    [Fact]
    public async Task A_row_over_the_cap_is_a_broken_record()
    {
        string path = await WriteAsync("a.parquet", (new DataField<string>("t"), (g, f) => g.WriteAsync(f, (string?[])["short", new string('x', 1000), "end"])));
        var stats = new DatasetReadStats();

        string[] read = await DatasetFolder.ReadJsonAsync(new() { Path = path, MaxRecordBytes = 100, OnError = RecordErrorPolicy.Skip }, stats);

        Assert.Equal(["""{"t":"short"}""", """{"t":"end"}"""], read);
        Assert.Contains("row 2: larger than 100 bytes", Assert.Single(stats.Messages));
    }

    [Fact]
    public async Task A_row_group_too_large_for_memory_is_refused_with_advice()
    {
        string path = await WriteGroupsAsync("a.parquet", [3]);
        await using ParquetSource source = await ParquetSource.OpenAsync(File.OpenRead(path), 1000, TestContext.Current.CancellationToken, maxGroupBytes: 10);

        var error = await Assert.ThrowsAsync<InvalidTextException>(() => source.MoveNextAsync(TestContext.Current.CancellationToken).AsTask());

        Assert.Contains("row group 1 of 1", error.Message);
        Assert.Contains("row_group_size", error.Hint);
    }

    [Theory]
    [InlineData("")]
    [InlineData("PAR1")]
    [InlineData("{\"a\":1}\n{\"a\":2}\n")]
    [InlineData("PAR1 some text that is no footer PAR1")]
    public async Task What_is_no_parquet_is_refused(string content)
    {
        SluiceException error = await DatasetFolder.FailsAsync(new() { Path = _folder.Write("a.parquet", content) });

        Assert.Contains("it is no Parquet file, or a damaged one", error.Message);
    }

    [Fact]
    public async Task A_damaged_file_is_an_error_and_never_a_crash()
    {
        byte[] whole = await File.ReadAllBytesAsync(await WriteGroupsAsync("a.parquet", [50]), TestContext.Current.CancellationToken);
        var random = new Random(1);
        for (int i = 0; i < 300; i++)
        {
            byte[] damaged = (byte[])whole.Clone();
            damaged[random.Next(damaged.Length)] ^= (byte)random.Next(1, 256);
            string path = _folder.Write("damaged.parquet", damaged);
            try
            {
                await DatasetFolder.ReadAsync(new() { Path = path });
            }
            catch (SluiceException error)
            {
                Assert.Contains(path, error.Message);
            }
        }
    }

    [Fact]
    public async Task A_type_without_a_json_form_is_named_with_its_column()
    {
        string path = await WriteAsync("a.parquet", (new DataField<Interval>("span"), (g, f) => g.WriteAsync<Interval>(f, (Interval[])[new(1, 2, 3)])));

        Assert.Contains("column 'span' is of type Interval", (await DatasetFolder.FailsAsync(new() { Path = path })).Message);
    }

    private Task<string> WriteGroupsAsync(string name, int[] groups)
    {
        int next = 0;
        var number = new DataField<int>("n");
        var list = new DataField("list", typeof(int), isNullable: false, isArray: true);
        return WriteAsync(name, new ParquetSchema(number, list), groups.Length, async (group, index) =>
        {
            int[] values = [.. Enumerable.Range(next, groups[index])];
            next += groups[index];
            await group.WriteAsync<int>(number, values);
            await group.WriteAsync<int>(list, (int[])[.. values.SelectMany(v => new[] { v, v })], (int[])[.. values.SelectMany(_ => new[] { 0, 1 })]);
        });
    }

    private Task<string> WriteAsync(string name, params (DataField Field, Func<ParquetRowGroupWriter, DataField, Task> Write)[] columns) =>
        WriteAsync(name, new ParquetSchema(columns.Select(c => c.Field)), 1, async (group, _) =>
        {
            foreach (var (field, write) in columns)
            {
                await write(group, field);
            }
        });

    private async Task<string> WriteAsync(string name, ParquetSchema schema, int groups, Func<ParquetRowGroupWriter, int, Task> write)
    {
        string path = Path.Combine(_folder.Path, name);
        await using FileStream file = File.Create(path);
        await using ParquetWriter writer = await ParquetWriter.CreateAsync(schema, file, new ParquetOptions { UseBigDecimal = false }, cancellationToken: TestContext.Current.CancellationToken);
        for (int i = 0; i < groups; i++)
        {
            using ParquetRowGroupWriter group = writer.CreateRowGroup();
            await write(group, i);
        }

        return path;
    }

    private sealed class Chat
    {
        public int Id { get; set; }

        public List<Message>? Messages { get; set; }

        public Dictionary<string, string>? Tags { get; set; }

        public Origin? Meta { get; set; }
    }

    private sealed class Message
    {
        public string? Role { get; set; }

        public string? Content { get; set; }

        public List<int>? Tokens { get; set; }
    }

    private sealed class Origin
    {
        public string? Source { get; set; }
    }
}
