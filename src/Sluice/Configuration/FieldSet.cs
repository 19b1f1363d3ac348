using System.Diagnostics.CodeAnalysis;

namespace Sluice.Configuration;

/// <summary>One known key.</summary>
/// <param name="Name">The key.</param>
/// <param name="Inner">The keys below it; null when it holds a value, or is open.</param>
/// <param name="IsList">Whether <paramref name="Inner"/> are the keys of each item of a list.</param>
/// <param name="IsOpen">Whether any key may stand below it.</param>
/// <param name="Shorthand">The inner key that a text in place of the mapping stands for.</param>
internal sealed record Field(string Name, FieldSet? Inner = null, bool IsList = false, bool IsOpen = false, string? Shorthand = null)
{
    /// <summary>Gets what its value may be; null when it is a mapping, a list, or open.</summary>
    public ValueShape? Shape { get; init; }

    /// <summary>Gets what it means, in a few words.</summary>
    public string About { get; init; } = "";

    /// <summary>Gets the field that stands for one item of the list.</summary>
    public Field Item => this with { IsList = false };

    /// <summary>Finds what is known about a key below this one; an open field knows nothing but allows all.</summary>
    public bool TryInner(string key, out Field? field)
    {
        field = IsOpen ? new Field(key, IsOpen: true) : null;
        return IsOpen || (Inner is not null && Inner.TryGet(key, out field));
    }

    /// <summary>Makes a field that holds one value.</summary>
    public static Field Of(string name, ValueShape shape, string about) => new(name) { Shape = shape, About = about };
}

/// <summary>The keys that a mapping may have.</summary>
internal sealed class FieldSet(params Field[] fields)
{
    public IReadOnlyList<Field> All => fields;

    public IEnumerable<string> Names => fields.Select(static known => known.Name);

    public bool Has(string name) => TryGet(name, out _);

    public bool TryGet(string name, [NotNullWhen(true)] out Field? field)
    {
        field = Array.Find(fields, known => known.Name == name);
        return field is not null;
    }

    /// <summary>Lists all dotted keys, with <c>#</c> for the place in a list.</summary>
    public IEnumerable<string> Paths() => fields.SelectMany(static known => known.Inner is null
        ? [known.Name]
        : known.Inner.Paths().Select(path => $"{known.Name}{(known.IsList ? ".#" : "")}.{path}"));
}
