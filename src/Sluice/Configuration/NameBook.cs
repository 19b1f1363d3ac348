using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>The names of all experiments of a command: each has its own, since it is a folder's.</summary>
internal sealed class NameBook(MistakeList mistakes)
{
    // Letter case does not count, since it does not on all file systems.
    private readonly Dictionary<string, string> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Notes an experiment's name; one that is taken becomes a mistake.</summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="fields">The config that it was bound from.</param>
    /// <param name="job">What was chosen for it in a multirun; empty for a single run.</param>
    public void Add(Experiment experiment, ConfigMapping fields, string job)
    {
        if (experiment.Name.Length == 0 || !fields.TryGet("name", out ConfigNode? name))
        {
            return;
        }

        SourceMark mark = name.Mark.Line == 0 ? new SourceMark(experiment.Source, 1, 1) : name.Mark;
        if (!_names.TryAdd(experiment.Name, job.Length == 0 ? $"in {mark}" : $"in {mark} for {Say.Short(job)}"))
        {
            mistakes.Add(mark, "name", $"{Say.Quoted(experiment.Name)}{(job.Length == 0 ? "" : $" for {Say.Short(job)}")} is also the name {_names[experiment.Name]}",
                job.Length == 0 ? "each experiment needs its own, for instance with ${model.name} in it" : "each job needs values or a name of its own");
        }
    }
}
