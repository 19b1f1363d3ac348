using System.Numerics;

namespace Sluice.Configuration;

/// <summary>Takes typed values out of one mapping; whatever does not fit becomes a mistake, and binding goes on.</summary>
internal sealed class MappingBinder
{
    private readonly ConfigMapping _mapping;
    private readonly FieldSet _fields;
    private readonly MistakeList _mistakes;

    public MappingBinder(ConfigMapping mapping, string path, FieldSet fields, MistakeList mistakes)
    {
        (_mapping, Path, _fields, _mistakes) = (mapping, path, fields, mistakes);
    }

    public string Path { get; }

    public SourceMark Mark => _mapping.Mark;

    public bool Has(string name) => Node(name) is not null;

    /// <summary>Gives the text at a key; numbers and the like count as the text they were written as.</summary>
    public string? Text(string name, bool required = false, bool mayBeEmpty = false)
    {
        switch (Node(name, required))
        {
            case null or ConfigScalar { Type: ScalarKind.Broken }:
                return null;
            case ConfigScalar { Text.Length: > 0 } scalar:
                return scalar.Text;
            case ConfigScalar when mayBeEmpty:
                return "";
            case ConfigScalar scalar:
                Mistake(name, scalar, "expected some text, found an empty one");
                return null;
            case var other:
                Mistake(name, other, $"expected text, found {other.Kind}");
                return null;
        }
    }

    /// <summary>Gives the text at a key when it is one of the options, which a misspelt one is told.</summary>
    public string? OneOf(string name, IReadOnlyCollection<string> options, string what, bool required = false)
    {
        string? text = Text(name, required);
        if (text is null || options.Contains(text, StringComparer.Ordinal))
        {
            return text;
        }

        Mistake(name, $"{Say.Quoted(text)} is no {what}; known: {Say.OneOf(options)}", NearestName.Hint(text, options));
        return null;
    }

    public bool Boolean(string name, bool fallback)
    {
        switch (Node(name))
        {
            case null or ConfigScalar { Type: ScalarKind.Broken }:
                return fallback;
            case ConfigScalar { Type: ScalarKind.Boolean } scalar:
                return scalar.Boolean;
            case var other:
                Mistake(name, other, $"expected true or false, found {Say.Found(other)}", Unquote(other));
                return fallback;
        }
    }

    /// <summary>Gives the whole number at a key when it is within the range; <c>1e6</c> is one too.</summary>
    public long? Integer(string name, long least, long most)
    {
        ConfigNode? node = Node(name);
        if (node is null or ConfigScalar { Type: ScalarKind.Broken })
        {
            return null;
        }

        BigInteger? value = node switch
        {
            ConfigScalar { Type: ScalarKind.Integer } scalar => scalar.Integer,
            ConfigScalar { Type: ScalarKind.Number } scalar when double.IsInteger(scalar.Number) => new BigInteger(scalar.Number),
            _ => null,
        };
        if (value >= least && value <= most)
        {
            return (long)value;
        }

        string range = most == long.MaxValue || most == int.MaxValue ? $"of at least {least}" : $"from {least} to {most}";
        Mistake(name, node, $"expected a whole number {range}, found {Say.Found(node)}", Unquote(node));
        return null;
    }

    /// <summary>Gives the number at a key when it is not less than <paramref name="least"/>, or, if that is excluded, greater.</summary>
    public double? Number(string name, double least = 0, bool leastExcluded = false, double most = double.MaxValue)
    {
        ConfigNode? node = Node(name);
        if (node is null or ConfigScalar { Type: ScalarKind.Broken })
        {
            return null;
        }

        if (node is ConfigScalar { Type: ScalarKind.Integer or ScalarKind.Number } scalar
            && scalar.Number <= most && (leastExcluded ? scalar.Number > least : scalar.Number >= least))
        {
            return scalar.Number;
        }

        string range = leastExcluded ? $"greater than {least}" : $"of at least {least}";
        string limit = most == double.MaxValue ? "" : $" and at most {most}";
        Mistake(name, node, $"expected a number {range}{limit}, found {Say.Found(node)}", Unquote(node));
        return null;
    }

    /// <summary>Gives a binder for the mapping at a key; a text there counts as the field's shorthand, if it has one.</summary>
    public MappingBinder? Mapping(string name, FieldSet fields, bool required = false)
    {
        ConfigNode? node = Node(name, required);
        _fields.TryGet(name, out Field? field);
        if (node is ConfigScalar { Type: ScalarKind.Text } text && field?.Shorthand is { } shorthand)
        {
            node = new ConfigMapping([new ConfigEntry(shorthand, text.Mark, text)], text.Mark);
        }

        return Mapping(name, node, fields);
    }

    /// <summary>Gives a binder for each mapping of the list at a key, or null when there is no such list.</summary>
    public IReadOnlyList<MappingBinder>? Mappings(string name, FieldSet fields)
    {
        if (Sequence(name) is not { } sequence)
        {
            return null;
        }

        return [.. sequence.Items.Select((item, place) => Mapping($"{name}.{place}", item, fields)).OfType<MappingBinder>()];
    }

    public ConfigMapping? RawMapping(string name) => Raw<ConfigMapping>(name, "a mapping");

    public ConfigSequence? Sequence(string name) => Raw<ConfigSequence>(name, "a list");

    /// <summary>Reports the keys that are not known, except those that the caller explains.</summary>
    public void RefuseUnknown(IReadOnlySet<string>? allowed = null)
    {
        foreach (ConfigEntry entry in _mapping.Entries)
        {
            if (!_fields.Has(entry.Key) && allowed?.Contains(entry.Key) != true)
            {
                string hint = NearestName.Hint(entry.Key, _fields.Names)
                    ?? (allowed is null ? $"known: {Say.OneOf(_fields.Names)}"
                        : $"if it is a variable of yours, nothing refers to it with ${{{Say.Short(entry.Key)}}}; in a config of another program, put the experiment below \"sluice\"");
                _mistakes.Add(entry.KeyMark, Below(Say.Short(entry.Key)), "unknown key", hint);
            }
        }
    }

    public void Mistake(string name, string message, string? hint = null) => Mistake(name, Node(name) ?? _mapping, message, hint);

    public void Mistake(string name, ConfigNode node, string message, string? hint = null) =>
        _mistakes.Add(node.Mark, Below(name), message, hint);

    public string Below(string name) => Path.Length == 0 ? name : name.Length == 0 ? Path : $"{Path}.{name}";

    /// <summary>Gives the value at a key; <c>null</c> counts as absent.</summary>
    public ConfigNode? Node(string name, bool required = false)
    {
        if (!_fields.Has(name))
        {
            throw new InvalidOperationException($"The field {Below(name)} is missing in the list of known fields.");
        }

        if (_mapping.TryGet(name, out ConfigNode? node) && node is not ConfigScalar { Type: ScalarKind.Null })
        {
            return node;
        }

        if (required)
        {
            _mistakes.Add(node?.Mark ?? _mapping.Mark, Below(name), "missing, and required");
        }

        return null;
    }

    private MappingBinder? Mapping(string name, ConfigNode? node, FieldSet fields)
    {
        switch (node)
        {
            case ConfigMapping mapping:
                return new MappingBinder(mapping, Below(name), fields, _mistakes);
            case null or ConfigScalar { Type: ScalarKind.Broken }:
                return null;
            case var other:
                Mistake(name, other, $"expected a mapping, found {Say.Found(other)}", $"its keys: {Say.OneOf(fields.Names)}");
                return null;
        }
    }

    private T? Raw<T>(string name, string expected)
        where T : ConfigNode
    {
        ConfigNode? node = Node(name);
        if (node is not (null or T or ConfigScalar { Type: ScalarKind.Broken }))
        {
            Mistake(name, node, $"expected {expected}, found {Say.Found(node)}");
        }

        return node as T;
    }

    private static string? Unquote(ConfigNode node) =>
        node is ConfigScalar { Type: ScalarKind.Text } text
            && ScalarTyping.TypeOf(text.Text, text.Mark).Type is ScalarKind.Integer or ScalarKind.Number or ScalarKind.Boolean
            ? "leave out the quotes"
            : null;
}
