using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>Binds <c>simulator</c> and finds its files.</summary>
internal sealed class RehearsalBinder(string currentDirectory)
{
    public RehearsalOptions Bind(MappingBinder experiment, string configFolder)
    {
        if (experiment.Mapping("simulator", ExperimentFields.Simulator) is not { } binder)
        {
            return new RehearsalOptions();
        }

        binder.RefuseUnknown();
        return new RehearsalOptions
        {
            Recordings = InputFile.Find(binder, "recordings", currentDirectory, configFolder),
            Faults = InputFile.Find(binder, "faults", currentDirectory, configFolder),
            BatchDelaySeconds = binder.Number("batch_delay_seconds", 0, most: 86_400) ?? 0,
        };
    }
}
