namespace Sluice.Configuration;

/// <summary>One value of a configuration, with the place where it was written. Nodes never change, so they may be shared.</summary>
internal abstract class ConfigNode(SourceMark mark)
{
    public SourceMark Mark { get; } = mark;

    /// <summary>Gets how many values this one stands for, aliases and shared parts counted each time they occur.</summary>
    public long Nodes { get; protected init; } = 1;

    /// <summary>Gets the characters of all keys and scalars, counted in the same way.</summary>
    public long Characters { get; protected init; }

    /// <summary>Gets the levels: 1 for a scalar.</summary>
    public int Depth { get; protected init; } = 1;

    /// <summary>Gets what a message calls it.</summary>
    public abstract string Kind { get; }

    /// <summary>Whether both hold the same keys and values in the same order; places do not count.</summary>
    public abstract bool SameAs(ConfigNode other);

    /// <summary>Whether both hold the same keys and values, whatever the order of keys.</summary>
    public bool SameValuesAs(ConfigNode other) => (this, other) switch
    {
        (ConfigMapping left, ConfigMapping right) => left.Entries.Count == right.Entries.Count
            && left.Entries.All(entry => right.TryGet(entry.Key, out ConfigNode? value) && entry.Value.SameValuesAs(value)),
        (ConfigSequence left, ConfigSequence right) => left.Items.Count == right.Items.Count
            && left.Items.Zip(right.Items).All(static pair => pair.First.SameValuesAs(pair.Second)),
        _ => SameAs(other),
    };
}

/// <summary>A list of values.</summary>
internal sealed class ConfigSequence : ConfigNode
{
    public ConfigSequence(IReadOnlyList<ConfigNode> items, SourceMark mark)
        : base(mark)
    {
        Items = items;
        Nodes = 1 + items.Sum(static item => item.Nodes);
        Characters = items.Sum(static item => item.Characters);
        Depth = 1 + (items.Count == 0 ? 0 : items.Max(static item => item.Depth));
    }

    public IReadOnlyList<ConfigNode> Items { get; }

    public override string Kind => "a list";

    public ConfigSequence With(int index, ConfigNode item) => new([.. Items.Take(index), item, .. Items.Skip(index + 1)], Mark);

    public override bool SameAs(ConfigNode other) =>
        other is ConfigSequence sequence
        && sequence.Items.Count == Items.Count
        && Items.Zip(sequence.Items).All(static pair => pair.First.SameAs(pair.Second));
}
