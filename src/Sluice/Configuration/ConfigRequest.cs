namespace Sluice.Configuration;

/// <summary>Which configs a command is about, as Hydra's users say it.</summary>
public sealed record ConfigRequest
{
    /// <summary>Gets files, folders and globs; each file is a primary config of its folder.</summary>
    public IReadOnlyList<string> Patterns { get; init; } = [];

    /// <summary>Gets changes to each config, in Hydra's grammar, such as <c>model.params.temperature=0.5</c>.</summary>
    public IReadOnlyList<string> Overrides { get; init; } = [];

    /// <summary>Gets the config folder (<c>--config-path</c>), or null for the usual ones.</summary>
    public string? ConfigPath { get; init; }

    /// <summary>Gets the name of the primary config in that folder (<c>--config-name</c>), or null.</summary>
    public string? ConfigName { get; init; }

    /// <summary>Gets a folder that is searched too (<c>--config-dir</c>); the config folder itself when none is named and none is where it usually is.</summary>
    public string? ConfigDirectory { get; init; }

    /// <summary>Gets whether values with several choices stand for several jobs (<c>--multirun</c>).</summary>
    public bool Multirun { get; init; }
}
