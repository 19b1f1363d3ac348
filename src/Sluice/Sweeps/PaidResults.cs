using System.Text.Json;
using Sluice.Experiments;

namespace Sluice.Sweeps;

/// <summary>Keeps a rehearsal from replacing results that a provider has answered: made-up answers would stand in their place, and nobody would see it.</summary>
internal static class PaidResults
{
    /// <summary>Throws when an experiment that asks the simulator has a folder with results of a provider.</summary>
    /// <param name="folder">The sweep's folder.</param>
    /// <param name="plans">The experiments of the command.</param>
    /// <exception cref="SluiceException">There are such results; all of them are named.</exception>
    public static void Keep(string folder, IReadOnlyList<ExperimentPlan> plans)
    {
        var mistakes = plans.Select(plan => (plan.Experiment.Name, Provider: ProviderOf(folder, plan))).Where(found => found.Provider is not null).ToList();
        if (mistakes is [var (name, provider), ..])
        {
            throw new SluiceException(
                ErrorKind.Usage,
                $"{Path.Combine(folder, name)} has results of `{provider}`{(mistakes.Count > 1 ? $" (and so have {mistakes.Count - 1} more experiments)" : "")}, and this is a rehearsal: the simulator's made-up answers would replace them",
                "give the rehearsal a name of its own with `--sweep NAME`");
        }
    }

    /// <summary>Returns the provider that has answered what a rehearsal would replace; null when it would replace nothing of that kind.</summary>
    private static string? ProviderOf(string folder, ExperimentPlan plan)
    {
        var simulators = plan.Providers.Where(p => p.IsSimulator).Select(p => p.Reference.Provider).ToHashSet(StringComparer.Ordinal);
        var path = Path.Combine(folder, plan.Experiment.Name, "summary.json");
        if (simulators.Count == 0 || !File.Exists(path))
        {
            return null;
        }

        try
        {
            using var summary = JsonDocument.Parse(File.ReadAllBytes(path));
            return summary.RootElement.GetProperty("steps").EnumerateArray()
                .Where(step => step.GetProperty("answered").GetInt64() > 0)
                .Select(step => step.GetProperty("provider").GetString())
                .FirstOrDefault(provider => provider is not null && !simulators.Contains(provider));
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // It is no summary of ours, and tells nothing.
            return null;
        }
    }
}
