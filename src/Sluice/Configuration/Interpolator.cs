using System.Text;

namespace Sluice.Configuration;

/// <summary>Replaces every <c>${...}</c> of a config by what it refers to.</summary>
internal sealed class Interpolator
{
    // Levels of the tree plus references followed; more is never within the limits, and would cost stack.
    private const int DeepestWork = 2 * (ConfigLimits.Depth + ConfigLimits.References);
    private const string Escaping = @"a ""${"" that is meant as text is written ""\${""";

    private readonly ConfigMapping _root;
    private readonly EnvironmentReferences _environment;
    private readonly MistakeList _mistakes;
    private readonly Dictionary<ConfigNode, ConfigNode> _done = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<ConfigNode> _underWay = new(ReferenceEqualityComparer.Instance);
    private readonly List<string> _chain = [];
    private readonly HashSet<string> _referred = new(StringComparer.Ordinal);
    private long _characters;

    private Interpolator(ConfigMapping root, Func<string, string?> environment, MistakeList mistakes)
    {
        _root = root;
        _environment = new EnvironmentReferences(environment);
        _mistakes = mistakes;
    }

    /// <summary>Resolves all references; each that cannot be resolved becomes a mistake and a broken value.</summary>
    /// <returns>The resolved config, and the top-level keys that something refers to.</returns>
    public static (ConfigMapping Resolved, IReadOnlySet<string> Referred) Resolve(
        ConfigMapping root, Func<string, string?> environment, MistakeList mistakes)
    {
        var interpolator = new Interpolator(root, environment, mistakes);
        ConfigNode resolved = interpolator.Resolve(root, "");
        return (resolved as ConfigMapping ?? root, interpolator._referred);
    }

    private ConfigNode Resolve(ConfigNode node, string path)
    {
        if (_done.TryGetValue(node, out ConfigNode? known))
        {
            return known;
        }

        if (_underWay.Count > DeepestWork)
        {
            return Mistake(node.Mark, path, "nested too deeply, interpolations included");
        }

        _underWay.Add(node);
        ConfigNode resolved = node switch
        {
            ConfigMapping mapping => Bounded(new ConfigMapping([.. mapping.Entries.Select(Resolved)], node.Mark), path),
            ConfigSequence sequence => Bounded(
                new ConfigSequence([.. sequence.Items.Select((item, place) => Resolve(item, $"{path}.{place}"))], node.Mark), path),
            ConfigScalar { Type: ScalarKind.Text } text when !InterpolatedText.IsPlain(text.Text) => ResolveText(text, path),
            _ => node,
        };
        _underWay.Remove(node);
        _done[node] = resolved;
        return resolved;

        ConfigEntry Resolved(ConfigEntry entry) => entry with { Value = Resolve(entry.Value, Below(path, entry.Key)) };
    }

    private ConfigNode ResolveText(ConfigScalar scalar, string path)
    {
        switch (InterpolatedText.Parts(scalar.Text))
        {
            case null:
                return Mistake(scalar.Mark, path, "\"${\" is not closed by \"}\"", Escaping);
            case [{ IsReference: true } whole]:
                ConfigNode target = Target(whole.Text, scalar, path);
                return target is ConfigScalar value ? value.At(scalar.Mark) : target;
            case var parts:
                return Joined(parts, scalar, path);
        }
    }

    private ConfigScalar Joined(IReadOnlyList<TextPart> parts, ConfigScalar scalar, string path)
    {
        var joined = new StringBuilder();
        bool broken = false;
        foreach (TextPart part in parts)
        {
            ConfigNode value = part.IsReference ? Target(part.Text, scalar, path) : ConfigScalar.OfText(part.Text, scalar.Mark);
            if (value is not ConfigScalar single)
            {
                Mistake(scalar.Mark, path, $"${{{part.Text}}} is {value.Kind}, which cannot be part of a text");
                broken = true;
                continue;
            }

            broken |= single.Type == ScalarKind.Broken;
            joined.Append(ScalarText.Of(single));
            if (_characters + joined.Length > ConfigLimits.Characters)
            {
                return Mistake(scalar.Mark, path, "more than 4 MiB of text, interpolations included");
            }
        }

        _characters += joined.Length;
        return broken ? ConfigScalar.Broken(scalar.Mark) : ConfigScalar.OfText(joined.ToString(), scalar.Mark);
    }

    private ConfigNode Target(string reference, ConfigScalar scalar, string path)
    {
        if (reference.Length is 0 or > ConfigLimits.ReferenceCharacters || reference.StartsWith('.')
            || reference.Contains('$', StringComparison.Ordinal))
        {
            return Mistake(scalar.Mark, path, $"{Say.Quoted("${" + reference + "}")} cannot be read",
                "write the whole key from the top, as in ${model.name}; " + Escaping);
        }

        if (reference.Contains(':', StringComparison.Ordinal))
        {
            ConfigScalar? value = _environment.Resolve(reference, scalar.Mark, out string? problem, out string? hint);
            return value ?? Mistake(scalar.Mark, path, problem!, hint);
        }

        _referred.Add(reference.Split('.')[0]);
        Found found = ConfigLookup.At(_root, reference);
        if (found.Node is not { } target)
        {
            if (found.Nearest is { } nearest)
            {
                // Otherwise the variable that was meant would be called unknown as well.
                _referred.Add(nearest.Split('.')[0]);
            }

            string hint = found.Nearest is null ? Escaping : $"did you mean \"${{{found.Nearest}}}\"?";
            return Mistake(scalar.Mark, path, $"{Say.Quoted("${" + reference + "}")}: {found.Problem}", hint);
        }

        return Followed(target, reference, scalar, path);
    }

    private ConfigNode Followed(ConfigNode target, string reference, ConfigScalar scalar, string path)
    {
        if (_underWay.Contains(target))
        {
            IEnumerable<string> chain = _chain.Contains(reference) ? _chain.Skip(_chain.IndexOf(reference)) : _chain.Prepend(reference);
            return Mistake(scalar.Mark, path,
                "refers back to itself: " + string.Join(" -> ", chain.Append(reference).Select(static key => $"${{{key}}}")));
        }

        if (_chain.Count >= ConfigLimits.References)
        {
            return Mistake(scalar.Mark, path, "more than 64 interpolations lead from one to the next");
        }

        _chain.Add(reference);
        ConfigNode resolved = Resolve(target, reference);
        _chain.RemoveAt(_chain.Count - 1);
        return resolved;
    }

    private ConfigNode Bounded(ConfigNode node, string path) =>
        ConfigLimits.Broken(node) is { } limit ? Mistake(node.Mark, path, limit) : node;

    private ConfigScalar Mistake(SourceMark mark, string path, string message, string? hint = null)
    {
        _mistakes.Add(mark, path, message, hint);
        return ConfigScalar.Broken(mark);
    }

    private static string Below(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}
