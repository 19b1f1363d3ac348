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
            Path = Find(binder, configFolder) ?? "",
            Format = binder.OneOf("format", Formats, "format"),
            Id = binder.Text("id"),
            Offset = binder.Integer("offset", 0, long.MaxValue) ?? 0,
            Limit = binder.Integer("limit", 0, long.MaxValue),
            OnError = binder.OneOf("on_error", Policies, "policy") == "skip" ? RecordErrorPolicy.Skip : RecordErrorPolicy.Fail,
        };
    }

    private string? Find(MappingBinder binder, string configFolder)
    {
        if (binder.Text("path", required: true) is not { } path)
        {
            return null;
        }

        if (path.Contains('\0', StringComparison.Ordinal))
        {
            binder.Mistake("path", $"{Say.Quoted(path)} is no path");
            return null;
        }

        string[] places = [.. new[] { Path.GetFullPath(path, currentDirectory), Path.GetFullPath(path, configFolder) }.Distinct()];
        if (Array.Find(places, File.Exists) is { } found)
        {
            return found;
        }

        if (Array.Find(places, Directory.Exists) is { } folder)
        {
            binder.Mistake("path", $"{Say.Quoted(path)} is a folder; expected a file", NearestFile.Hint(Path.Join(folder, "data.jsonl")));
            return null;
        }

        string? nearest = places.Select(NearestFile.Hint).FirstOrDefault(static hint => hint is not null);
        binder.Mistake("path", $"no file {Say.Quoted(path)}; looked for {string.Join(" and ", places)}", nearest);
        return null;
    }
}
