namespace Sluice.Datasets;

internal enum DatasetKind
{
    JsonLines,
    Csv,
    Tsv,
    Parquet,
}

internal enum DatasetCompression
{
    None,
    Gzip,
    Zstandard,
}

/// <summary>What a file's name, or the option that overrules it, says about its content.</summary>
internal readonly record struct DatasetFormat(DatasetKind Kind, DatasetCompression Compression)
{
    private static readonly string[] s_names = ["jsonl", "csv", "tsv", "parquet"];
    private const string Accepted = "jsonl, csv, tsv or parquet, each also with .gz or .zst";

    /// <summary>Finds the format.</summary>
    /// <exception cref="SluiceException">The name tells no format, or the option names an unknown one.</exception>
    public static DatasetFormat Of(DatasetOptions options)
    {
        string name = options.Format ?? Path.GetFileName(options.Path);
        DatasetCompression compression = CompressionOf(ref name);
        if (options.Format is not null && compression == DatasetCompression.None)
        {
            string fileName = options.Path;
            compression = CompressionOf(ref fileName);
        }

        string extension = (options.Format is null ? Path.GetExtension(name) : name).TrimStart('.').ToLowerInvariant();
        return extension switch
        {
            "jsonl" => new(DatasetKind.JsonLines, compression),
            "csv" => new(DatasetKind.Csv, compression),
            "tsv" => new(DatasetKind.Tsv, compression),
            "parquet" => new(DatasetKind.Parquet, compression),
            _ => throw Unknown(options, extension),
        };
    }

    /// <summary>Returns how a file is compressed, by its name.</summary>
    public static DatasetCompression CompressionOf(string path) => CompressionOf(ref path);

    private static DatasetCompression CompressionOf(ref string name)
    {
        DatasetCompression compression = Path.GetExtension(name).ToLowerInvariant() switch
        {
            ".gz" => DatasetCompression.Gzip,
            ".zst" => DatasetCompression.Zstandard,
            _ => DatasetCompression.None,
        };
        if (compression != DatasetCompression.None)
        {
            name = name[..^Path.GetExtension(name).Length];
        }

        return compression;
    }

    private static SluiceException Unknown(DatasetOptions options, string extension)
    {
        string found = options.Format is not null
            ? $"dataset {options.Path}: the format '{options.Format}' is not known"
            : extension.Length == 0
                ? $"dataset {options.Path}: the file's name does not tell its format"
                : $"dataset {options.Path}: the extension '.{extension}' is not known";
        string? nearest = extension switch
        {
            "json" or "ndjson" or "txt" => "jsonl",
            "tab" => "tsv",
            "pq" => "parquet",
            _ => NearestName.Of(extension, s_names),
        };
        string hint = nearest is null
            ? $"known are {Accepted}; set dataset.format when the name does not tell"
            : $"did you mean {nearest}? Set dataset.format: {nearest} when the file holds that; known are {Accepted}";
        return new SluiceException(ErrorKind.Usage, found, hint);
    }
}
