using Sluice.Configuration.Interpolation;

namespace Sluice.Configuration;

/// <summary>What composing a config may know of the world around it.</summary>
public sealed record ConfigContext
{
    /// <summary>Gets the folder that relative paths are resolved against first; a full path.</summary>
    public required string CurrentDirectory { get; init; }

    /// <summary>Gets the names that <c>model.provider</c> may have.</summary>
    public required IReadOnlyCollection<string> Providers { get; init; }

    /// <summary>Gets how <c>${oc.env:NAME}</c> finds a variable; null means that it is not set. By default none is.</summary>
    public Func<string, string?> Environment { get; init; } = static _ => null;

    /// <summary>Gets who is told what does not matter enough to be a mistake. By default nobody.</summary>
    public Action<string> Remark { get; init; } = static _ => { };

    /// <summary>Gets the time before which answers were made that do not count (<c>--refresh</c>), or null; it becomes <c>cache.not_before</c> of every experiment.</summary>
    public DateTimeOffset? RefreshedAt { get; init; }

    /// <summary>Gets what stops composing a large multirun.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Gets the time of <c>${now:...}</c>, which all configs of a command share.</summary>
    internal SweepClock Clock { get; init; } = new(TimeProvider.System);
}
