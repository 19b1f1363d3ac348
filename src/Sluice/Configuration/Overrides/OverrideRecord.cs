using Sluice.Configuration.Interpolation;

namespace Sluice.Configuration.Overrides;

/// <summary>Writes down which overrides an experiment was made with.</summary>
internal static class OverrideRecord
{
    /// <summary>Gives the texts of those that concern the job, in order; values that may be secrets are left out, since it is saved.</summary>
    public static IReadOnlyList<string> Of(IEnumerable<Override> overrides) =>
        [.. overrides.Where(static change => !change.IsHydra).Select(static change => IsSecret(change) ? change.InputKey + "=***" : change.Text)];

    private static bool IsSecret(Override change) => EnvironmentResolver.IsSecret(change.Path[^1]);
}
