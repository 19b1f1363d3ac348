namespace Sluice.Configuration.Interpolation;

/// <summary>What becomes of an environment variable in a config whose name sounds like that of a secret.</summary>
internal enum SecretUse
{
    /// <summary>It is read as any other.</summary>
    Read,

    /// <summary>It is an error: the composed config is saved.</summary>
    Refuse,

    /// <summary>Its reference stays as it is: the composed config is shown.</summary>
    Name,
}
