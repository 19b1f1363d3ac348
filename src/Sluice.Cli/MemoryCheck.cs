using Sluice.Cli.Views;
using Sluice.Experiments;
using Sluice.Memory;

namespace Sluice.Cli;

/// <summary>Holds what experiments want of memory against what is left, before anything is sent.</summary>
internal static class MemoryCheck
{
    /// <summary>Warns when there is less than <c>memory.required_gb</c>.</summary>
    /// <exception cref="SluiceException">There is less, and the experiment has <c>memory.enforce</c>.</exception>
    public static void Make(IReadOnlyList<ExperimentPlan> plans, MemorySample sample)
    {
        if (sample.HeadroomBytes is not { } headroom)
        {
            if (plans.Any(p => p.Experiment.MemoryIsEnforced))
            {
                Terminal.Warning("how much memory is left cannot be told here, so `memory.enforce` is not kept");
            }

            return;
        }

        var lacking = plans.Where(p => headroom < p.Experiment.MemoryRequiredGb * 1e9).ToList();
        var strict = lacking.Where(p => p.Experiment.MemoryIsEnforced).MaxBy(p => p.Experiment.MemoryRequiredGb);
        if ((strict ?? lacking.MaxBy(p => p.Experiment.MemoryRequiredGb)) is not { } worst)
        {
            return;
        }

        var numbers = $"only {Numbers.Bytes(headroom)} of memory are left here (limit {Numbers.Bytes(sample.LimitBytes)}, by {sample.BindingLevel}); "
            + $"`{worst.Experiment.Name}` wants {worst.Experiment.MemoryRequiredGb:0.##} GB (`memory.required_gb`)";
        if (strict is null)
        {
            Terminal.Warning(numbers);
            return;
        }

        throw new SluiceException(ErrorKind.Memory, numbers, "free some memory, or lower `memory.required_gb`; without `memory.enforce` it is a warning. `sluice memory` shows the limits");
    }
}
