namespace Sluice.Configuration;

/// <summary>What Hydra's debugging flags print of a composed config.</summary>
public enum ConfigView
{
    /// <summary><c>--cfg job</c>: the config without Hydra's settings.</summary>
    Job,

    /// <summary><c>--cfg job --resolve</c>: the same with interpolations resolved.</summary>
    ResolvedJob,

    /// <summary><c>--cfg hydra</c>: Hydra's settings.</summary>
    Hydra,

    /// <summary><c>--cfg hydra --resolve</c>: the same with interpolations resolved.</summary>
    ResolvedHydra,

    /// <summary><c>--cfg all</c>: both.</summary>
    All,

    /// <summary><c>--cfg all --resolve</c>: the same with interpolations resolved.</summary>
    ResolvedAll,

    /// <summary><c>--info defaults</c>: the configs that are merged, in order, and where their content goes.</summary>
    Defaults,

    /// <summary><c>--info searchpath</c>: where configs are looked for.</summary>
    SearchPath,
}
