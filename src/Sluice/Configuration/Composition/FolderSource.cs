namespace Sluice.Configuration.Composition;

/// <summary>A folder of <c>.yaml</c> files; its folders are config groups.</summary>
/// <param name="folder">The folder as the user named it.</param>
/// <param name="currentDirectory">What a relative name is relative to.</param>
/// <param name="provider">Who put it on the search path.</param>
internal sealed class FolderSource(string folder, string currentDirectory, string provider) : ConfigSource
{
    private const string Ending = ".yaml";

    private readonly string _full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder, currentDirectory));

    public override string Provider => provider;

    public override string Location => "file://" + _full;

    public bool Exists => Directory.Exists(_full);

    public override (string Text, string File)? Read(string name)
    {
        // The name comes from a config: it must not lead out of the folder.
        string full = Path.Join(_full, name + Ending);
        return !IsBelow(name) || !File.Exists(full) ? null : (ConfigFile.ReadText(full, Shown(name)), Shown(name));
    }

    public override bool HasGroup(string group) => IsBelow(group) && Directory.Exists(Path.Join(_full, group));

    public override IEnumerable<string> Options(string group) => (group.Length == 0 && Exists) || HasGroup(group)
        ? Directory.EnumerateFiles(Path.Join(_full, group), "*" + Ending).Select(static file => Path.GetFileNameWithoutExtension(file))
        : [];

    public override IEnumerable<string> Groups(string group) => (group.Length == 0 && Exists) || HasGroup(group)
        ? Directory.EnumerateDirectories(Path.Join(_full, group)).Select(static folder => Path.GetFileName(folder))
        : [];

    private string Shown(string name) => folder is "." or "" ? name + Ending : Path.Join(folder, name + Ending);

    private bool IsBelow(string name) => name.Length > 0 && !name.Contains('\0', StringComparison.Ordinal)
        && Path.GetFullPath(Path.Join(_full, name)).StartsWith(_full.EndsWith('/') ? _full : _full + "/", StringComparison.Ordinal);
}
