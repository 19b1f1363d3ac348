namespace Sluice.Configuration.Overrides;

/// <summary>What an override does.</summary>
internal enum OverrideKind
{
    /// <summary><c>key=value</c>: changes what is there, or chooses another option of a group.</summary>
    Change,

    /// <summary><c>+key=value</c>: adds what is not there.</summary>
    Add,

    /// <summary><c>++key=value</c>: adds or changes.</summary>
    Force,

    /// <summary><c>~key</c> or <c>~key=value</c>: deletes, the latter only that value.</summary>
    Delete,
}
