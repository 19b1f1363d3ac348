namespace Sluice.Configuration.Composition;

/// <summary>One root of the search path: where configs and config groups are looked for.</summary>
internal abstract class ConfigSource
{
    /// <summary>Gets who put the root on the search path, as Hydra calls it.</summary>
    public abstract string Provider { get; }

    /// <summary>Gets where it is, for messages.</summary>
    public abstract string Location { get; }

    /// <summary>Gives the text of a config and the name of its file, or null when this root has none.</summary>
    /// <param name="name">The path below the root without <c>.yaml</c>.</param>
    /// <exception cref="ConfigException">The file cannot be read.</exception>
    public abstract (string Text, string File)? Read(string name);

    /// <summary>Says whether a folder of that path exists.</summary>
    public abstract bool HasGroup(string group);

    /// <summary>Gives the groups right below a group; empty is the root.</summary>
    public abstract IEnumerable<string> Groups(string group);

    /// <summary>Gives the configs that a group holds here, without those of folders below it.</summary>
    public abstract IEnumerable<string> Options(string group);
}
