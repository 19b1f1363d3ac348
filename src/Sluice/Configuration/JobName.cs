using System.Security.Cryptography;
using System.Text;
using Sluice.Configuration.Composition;
using Sluice.Configuration.Overrides;

namespace Sluice.Configuration;

/// <summary>Tells the jobs of a multirun apart whose configs give them all one name.</summary>
internal static class JobName
{
    private const int Longest = 100;

    /// <summary>Gets a job's own name: the common one and what was chosen for this job, or what <c>hydra.sweep.subdir</c> says if the user set it.</summary>
    /// <param name="common">The name in the config.</param>
    /// <param name="job">The job.</param>
    /// <param name="swept">The keys that have several values in the sweep.</param>
    /// <param name="alike">Names that several jobs would have, since not every letter can be in one: they get a hash of what was chosen.</param>
    /// <exception cref="ConfigException"><c>hydra.sweep.subdir</c> cannot be resolved.</exception>
    public static string Of(string common, Composition.Composition job, IReadOnlySet<string> swept, IReadOnlySet<string> alike)
    {
        string number = job.Number?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "";
        string? folder = job.HydraText("sweep", "subdir");
        string chosen = folder is { Length: > 0 } && folder != number
            ? folder
            : string.Join(',', job.Overrides.Where(change => swept.Contains(change.InputKey)).Select(static change => change.Text.TrimStart('+')));
        string full = $"{common},{chosen}";
        string safe = string.Concat(full.Select(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '=' or ',' or '@' or '+' ? c : '-')).TrimEnd('.');
        return safe.Length <= Longest && !alike.Contains(safe) ? safe
            : $"{safe[..Math.Min(safe.Length, Longest - 9)]}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(full)))[..8]}";
    }
}
