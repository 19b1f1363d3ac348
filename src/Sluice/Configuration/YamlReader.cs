using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Sluice.Configuration;

/// <summary>Reads YAML text into nodes that know where they were written.</summary>
internal sealed class YamlReader
{
    private const string WrongIndentation = "found wrong indentation";
    private const string CoreTag = "tag:yaml.org,2002:";

    private readonly string _file;
    private readonly IndentedText _text;
    private readonly Scanner _scanner;
    private readonly Parser _parser;
    private readonly Dictionary<string, ConfigNode?> _anchors = new(StringComparer.Ordinal);
    private long _nodes;

    private YamlReader(IndentedText text, string file)
    {
        (_file, _text) = (file, text);
        _scanner = new Scanner(new StringReader(text.ToString()), skipComments: true);
        _parser = new Parser(_scanner);
    }

    /// <summary>Reads one document; an empty one is an empty mapping.</summary>
    /// <exception cref="ConfigException">The text is no YAML, or more than <see cref="ConfigLimits"/> allow.</exception>
    public static ConfigNode Read(string text, string file)
    {
        var indented = new IndentedText(text);
        while (true)
        {
            var reader = new YamlReader(indented, file);
            try
            {
                return reader.Document();
            }
            catch (YamlException exception)
            {
                // Only its message tells this error from others.
                if (!exception.Message.Contains(WrongIndentation, StringComparison.Ordinal) || !indented.TryIndent((int)exception.End.Line))
                {
                    throw reader.Invalid(exception);
                }
            }
            catch (BrokenParserException exception)
            {
                if (!indented.TryIndent((int)reader._scanner.CurrentPosition.Line))
                {
                    // The parser meets some malformed texts, such as a flow list that never closes, with exceptions that mean a bug of its own.
                    throw new ConfigException(ConfigErrorKind.Yaml, exception.Place, "not valid YAML", "look for a missing quote, bracket or indent before this place");
                }
            }
        }
    }

    private ConfigException Invalid(YamlException exception)
    {
        SourceMark mark = MarkOf(exception.Start);
        // In braces and brackets YAML ends a text without quotes at the next brace, so no ${...} can stand in it.
        bool isReference = _text.Line(mark.Line).Contains("${", StringComparison.Ordinal);
        return new ConfigException(ConfigErrorKind.Yaml, mark, "not valid YAML: " + exception.Message.TrimEnd('.'),
            isReference ? "inside { } and [ ] a text with ${...} needs quotes: \"${...}\"" : null);
    }

    private ConfigNode Document()
    {
        Next();
        if (Next() is StreamEnd)
        {
            return new ConfigMapping([], new SourceMark(_file, 1, 1));
        }

        ConfigNode root = Node(Next(), 1);
        Next();
        if (Next() is not StreamEnd)
        {
            throw Refused(_parser.Current!.Start, "a second YAML document (---); a config file holds one");
        }

        return root is ConfigScalar { Type: ScalarKind.Null } ? new ConfigMapping([], root.Mark) : root;
    }

    private ConfigNode Node(ParsingEvent current, int depth)
    {
        if (depth > ConfigLimits.Depth)
        {
            throw Refused(current.Start, "nested deeper than 64 levels");
        }

        if (current is AnchorAlias alias)
        {
            return Counted(Aliased(alias), current.Start);
        }

        if (current is not NodeEvent start)
        {
            throw Refused(current.Start, "not valid YAML: a value is missing");
        }

        string? anchor = start.Anchor.IsEmpty ? null : start.Anchor.Value;
        if (anchor is not null)
        {
            _anchors[anchor] = null;
        }

        ConfigNode node = current switch
        {
            Scalar scalar => Counted(YamlTags.Typed(scalar, MarkOf(current.Start)), current.Start),
            SequenceStart sequence => Sequence(sequence, depth),
            _ => Mapping((MappingStart)current, depth),
        };
        if (anchor is not null)
        {
            _anchors[anchor] = node;
        }

        return node;
    }

    private ConfigSequence Sequence(SequenceStart start, int depth)
    {
        YamlTags.Check(start.Tag, CoreTag + "seq", MarkOf(start.Start));
        var items = new List<ConfigNode>();
        while (Next() is var current and not SequenceEnd)
        {
            items.Add(Node(current, depth + 1));
        }

        _nodes++;
        return Checked(new ConfigSequence(items, MarkOf(start.Start)));
    }

    private ConfigMapping Mapping(MappingStart start, int depth)
    {
        YamlTags.Check(start.Tag, CoreTag + "map", MarkOf(start.Start));
        var entries = new List<ConfigEntry>();
        var merged = new List<ConfigMapping>();
        var lines = new Dictionary<string, SourceMark>(StringComparer.Ordinal);
        while (Next() is var current and not MappingEnd)
        {
            SourceMark keyMark = MarkOf(current.Start);
            string key = Key(current, out bool merge, out bool isTyped);
            ConfigNode value = Node(Next(), depth + 1);
            if (merge)
            {
                merged.AddRange(Merged(value, keyMark));
                continue;
            }

            if (!lines.TryAdd(key, keyMark))
            {
                throw new ConfigException(ConfigErrorKind.Yaml, keyMark, $"found duplicate key {Say.Short(key)}: it is already a key of this mapping, on line {lines[key].Line}",
                    "keep one of the two");
            }

            entries.Add(new ConfigEntry(key, keyMark, value, isTyped));
        }

        entries = WithMerged(entries, merged);
        _nodes++;
        return Checked(new ConfigMapping(entries, MarkOf(start.Start)));
    }

    /// <summary>Puts merged mappings before a mapping's own keys, as PyYAML does: own keys win over merged ones, an earlier merged mapping over a later one.</summary>
    private static List<ConfigEntry> WithMerged(List<ConfigEntry> own, List<ConfigMapping> merged)
    {
        if (merged.Count == 0)
        {
            return own;
        }

        var entries = new OrderedDictionary<string, ConfigEntry>(StringComparer.Ordinal);
        foreach (ConfigEntry entry in Enumerable.Reverse(merged).SelectMany(static mapping => mapping.Entries).Concat(own))
        {
            entries[entry.Key] = entry;
        }

        return [.. entries.Values];
    }

    private string Key(ParsingEvent current, out bool merge, out bool isTyped)
    {
        ConfigNode? node = current switch
        {
            Scalar scalar => YamlTags.Typed(scalar, MarkOf(current.Start)),
            AnchorAlias alias => Aliased(alias),
            _ => null,
        };
        if (node is not ConfigScalar key)
        {
            throw Refused(current.Start, "a mapping or list as a key; keys are text");
        }

        if (key.Type == ScalarKind.Null)
        {
            throw Refused(current.Start, "nothing as a key; put it in quotes where it is text");
        }

        if (key.Text.Length > ConfigLimits.KeyCharacters)
        {
            throw Refused(current.Start, $"a key of {key.Text.Length} characters; 128 are allowed");
        }

        if (current is Scalar { Anchor.IsEmpty: false } anchored)
        {
            _anchors[anchored.Anchor.Value] = key;
        }

        isTyped = key.Type is ScalarKind.Boolean or ScalarKind.Integer or ScalarKind.Number;
        merge = current is Scalar { Style: ScalarStyle.Plain, Value: "<<" };
        return key.Type switch
        {
            // As in Python: what is no text is told apart by its value, not by how it was written.
            ScalarKind.Boolean => key.Boolean ? "true" : "false",
            ScalarKind.Integer or ScalarKind.Number => ScalarText.Of(key),
            _ => key.Text,
        };
    }

    private IEnumerable<ConfigMapping> Merged(ConfigNode value, SourceMark mark)
    {
        IReadOnlyList<ConfigNode> parts = value is ConfigSequence sequence ? sequence.Items : [value];
        return parts.Select(part => part as ConfigMapping
            ?? throw new ConfigException(ConfigErrorKind.Yaml, mark, $"<< merges a mapping or a list of mappings, not {part.Kind}"));
    }

    private ConfigNode Aliased(AnchorAlias alias)
    {
        string name = alias.Value.Value;
        return !_anchors.TryGetValue(name, out ConfigNode? target) ? throw Refused(alias.Start, $"*{name} has no anchor &{name} before it")
            : target ?? throw Refused(alias.Start, $"*{name} refers to the value that it is part of");
    }

    private ConfigNode Counted(ConfigNode node, Mark mark)
    {
        _nodes += node.Nodes;
        return _nodes > ConfigLimits.Nodes ? throw Refused(mark, "more than 100,000 values, aliases included") : node;
    }

    private static T Checked<T>(T node)
        where T : ConfigNode => ConfigLimits.Broken(node) is { } limit ? throw new ConfigException(ConfigErrorKind.Yaml, node.Mark, limit) : node;

    private ParsingEvent Next()
    {
        try
        {
            _parser.MoveNext();
            return _parser.Current!;
        }
        catch (Exception exception) when (exception is not (YamlException or OutOfMemoryException))
        {
            throw new BrokenParserException(MarkOf(_scanner.CurrentPosition), exception);
        }
    }

    private ConfigException Refused(Mark mark, string message) => new(ConfigErrorKind.Yaml, MarkOf(mark), message);

    private SourceMark MarkOf(Mark mark) =>
        _file == SourceMark.CommandLineName
            ? SourceMark.CommandLine
            : new(_file, (int)Math.Max(1, mark.Line), (int)Math.Max(1, mark.Column - _text.AddedTo((int)mark.Line)));

    /// <summary>The parser has failed on a text, with an exception that means a bug of its own.</summary>
    private sealed class BrokenParserException(SourceMark place, Exception cause) : Exception(cause.Message, cause)
    {
        public SourceMark Place { get; } = place;
    }
}
