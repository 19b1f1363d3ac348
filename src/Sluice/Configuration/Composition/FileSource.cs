namespace Sluice.Configuration.Composition;

/// <summary>One file that the user named: the primary config, whatever its name and ending.</summary>
/// <param name="file">The file as the user named it.</param>
/// <param name="currentDirectory">What a relative name is relative to.</param>
internal sealed class FileSource(string file, string currentDirectory) : ConfigSource
{
    /// <summary>Gets the name under which the config is found.</summary>
    public string Name { get; } = Path.GetFileNameWithoutExtension(file);

    public override string Provider => "main";

    public override string Location => "file://" + Path.GetFullPath(file, currentDirectory);

    public override (string Text, string File)? Read(string name) =>
        name == Name ? (ConfigFile.ReadText(Path.GetFullPath(file, currentDirectory), file), file) : null;

    public override bool HasGroup(string group) => false;

    public override IEnumerable<string> Groups(string group) => [];

    public override IEnumerable<string> Options(string group) => [];
}
