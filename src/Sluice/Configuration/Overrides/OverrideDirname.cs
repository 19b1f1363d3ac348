namespace Sluice.Configuration.Overrides;

/// <summary>Writes the text that names a job's folder by its overrides: <c>hydra.job.override_dirname</c>.</summary>
internal static class OverrideDirname
{
    /// <summary>Joins the texts of all overrides that do not concern Hydra itself, sorted by code points.</summary>
    /// <param name="overrides">The overrides; a sweep's are those of one job.</param>
    /// <param name="kvSep">What replaces every <c>=</c>, also inside values.</param>
    /// <param name="itemSep">What stands between two overrides.</param>
    /// <param name="excludeKeys">The keys to leave out, without prefix and package.</param>
    public static string Of(IEnumerable<Override> overrides, string kvSep, string itemSep, IReadOnlyCollection<string> excludeKeys) =>
        string.Join(itemSep, overrides
            .Where(one => !one.IsHydra && !excludeKeys.Contains(one.Key))
            .Select(static one => one.Text)
            .Order(CodePointOrder.Comparer)).Replace("=", kvSep, StringComparison.Ordinal);
}
