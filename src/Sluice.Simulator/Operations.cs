namespace Sluice.Simulator;

/// <summary>The names of operations in fault scripts and statistics.</summary>
internal static class Operations
{
    public const string Upload = "upload";
    public const string Create = "create";
    public const string Get = "get";
    public const string List = "list";
    public const string Content = "content";
    public const string Results = "results";
    public const string Cancel = "cancel";
    public const string Delete = "delete";
    public const string Live = "live";
    public const string File = "file";
    public const string Files = "files";
    public const string DeleteFile = "delete-file";
    public const string Models = "models";

    /// <summary>One line of a batch; not an HTTP operation.</summary>
    public const string Line = "line";

    public static string[] Exchanges { get; } =
        [Upload, Create, Get, List, Content, Results, Cancel, Delete, Live, File, Files, DeleteFile, Models];
}
