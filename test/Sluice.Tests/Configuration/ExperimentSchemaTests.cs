using System.Text.Json.Nodes;
using Sluice.Configuration;

namespace Sluice.Tests.Configuration;

public sealed class ExperimentSchemaTests : IDisposable
{
    private readonly ConfigFolder _folder = new();

    [Fact]
    public void The_file_in_the_documentation_is_what_the_tool_writes()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Join(folder.FullName, "Sluice.slnx")))
        {
            folder = folder.Parent;
        }

        Assert.Equal(File.ReadAllText(Path.Join(folder!.FullName, "docs", "experiment.schema.json")), ExperimentSchema.Write());
    }

    [Fact]
    public void Every_field_says_what_it_means_and_nothing_else_is_allowed_below_the_top()
    {
        JsonNode schema = JsonNode.Parse(ExperimentSchema.Write())!;

        Assert.All(schema["properties"]!.AsObject(), field => Assert.NotEqual("", (string?)field.Value!["description"]));
        JsonNode dataset = schema["properties"]!["dataset"]!["anyOf"]![0]!;
        Assert.Equal(ExperimentFields.Dataset.Names, dataset["properties"]!.AsObject().Select(field => field.Key));
        Assert.False((bool)dataset["additionalProperties"]!);
    }

    /// <summary>What the schema calls the least and the most is what loading accepts, and no more.</summary>
    [Theory]
    [InlineData("epochs")]
    [InlineData("dataset.limit")]
    [InlineData("dataset.offset")]
    [InlineData("model.price.input")]
    [InlineData("budget.usd")]
    [InlineData("memory.required_gb")]
    [InlineData("live.concurrency")]
    [InlineData("live.max_attempts")]
    [InlineData("live.timeout_seconds")]
    [InlineData("live.resend_unknown")]
    [InlineData("live.stop_after")]
    [InlineData("live.unreachable_seconds")]
    [InlineData("batch.max_requests")]
    [InlineData("batch.max_bytes")]
    [InlineData("batch.max_attempts")]
    [InlineData("batch.lost_after_seconds")]
    [InlineData("simulator.batch_delay_seconds")]
    public void The_bounds_are_those_that_loading_checks(string path)
    {
        ValueShape shape = ExperimentFields.At(path.Split('.'))!.Shape!;

        Assert.Equal(!shape.IsLeastExcluded, Loads(shape.Least!.Value));
        Assert.False(Loads(shape.Least.Value - 1));
        Assert.True(Loads(shape.Least.Value + 1));
        if (shape.Most is { } most)
        {
            Assert.True(Loads(most));
            Assert.False(Loads(most + 1));
        }

        bool Loads(double value)
        {
            try
            {
                _folder.Load(ConfigFolder.Minimal, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{path}={value}"));
                return true;
            }
            catch (SluiceException)
            {
                return false;
            }
        }
    }

    public void Dispose() => _folder.Dispose();
}
