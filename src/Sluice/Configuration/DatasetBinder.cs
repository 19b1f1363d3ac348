using Sluice.Datasets;

namespace Sluice.Configuration;

/// <summary>Binds <c>dataset</c> and finds its file.</summary>
internal sealed class DatasetBinder(string currentDirectory)
{
    private static readonly string[] Formats = ["jsonl", "csv", "tsv", "parquet"];
    private static readonly string[] Policies = ["fail", "skip"];

    public DatasetOptions? Bind(MappingBinder experiment, string configFolder)
    {
        if (experiment.Mapping("dataset", ExperimentFields.Dataset, required: true) is not { } binder)
        {
            return null;
        }

        binder.RefuseUnknown();
        return new DatasetOptions
        {
            Path = InputFile.Find(binder, "path", currentDirectory, configFolder, required: true) ?? "",
            Format = binder.OneOf("format", Formats, "format"),
            Id = binder.Text("id"),
            Offset = binder.Integer("offset", 0, long.MaxValue) ?? 0,
            Limit = binder.Integer("limit", 0, long.MaxValue),
            OnError = binder.OneOf("on_error", Policies, "policy") == "skip" ? RecordErrorPolicy.Skip : RecordErrorPolicy.Fail,
        };
    }
}
