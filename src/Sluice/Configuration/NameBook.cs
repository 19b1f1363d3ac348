using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>The names of all experiments of a command: each has its own, since it is a folder's.</summary>
internal sealed class NameBook(MistakeList mistakes)
{
    // Letter case does not count, since it does not on all file systems.
    private readonly Dictionary<string, SourceMark> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Notes an experiment's name; one that is taken becomes a mistake.</summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="fields">The config that it was bound from.</param>
    public void Add(Experiment experiment, ConfigMapping fields)
    {
        if (experiment.Name.Length == 0 || !fields.TryGet("name", out ConfigNode? name))
        {
            return;
        }

        SourceMark mark = name.Mark.Line == 0 ? new SourceMark(experiment.Source, 1, 1) : name.Mark;
        if (!_names.TryAdd(experiment.Name, mark))
        {
            mistakes.Add(mark, "name", $"{Say.Quoted(experiment.Name)} is also the name in {_names[experiment.Name]}",
                "each experiment needs its own, for instance with ${model.name} in it");
        }
    }
}
