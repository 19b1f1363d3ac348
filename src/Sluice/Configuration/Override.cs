using System.Text.RegularExpressions;

namespace Sluice.Configuration;

/// <summary>What an override does.</summary>
internal enum OverrideAction
{
    /// <summary><c>key=value</c>: changes what is there, or sets a field that is known.</summary>
    Set,

    /// <summary><c>+key=value</c>: adds what is not there.</summary>
    Add,

    /// <summary><c>++key=value</c>: adds or changes.</summary>
    Force,

    /// <summary><c>~key</c> or <c>~key=value</c>: deletes, the latter only that value.</summary>
    Delete,
}

/// <summary>One change to a configuration, given on the command line.</summary>
/// <param name="Action">What it does.</param>
/// <param name="Path">The keys from the top.</param>
/// <param name="Value">The new value; for a deletion the value expected, or null.</param>
internal sealed partial record Override(OverrideAction Action, IReadOnlyList<string> Path, ConfigNode? Value)
{
    public string Key => string.Join('.', Path);

    /// <summary>Reads overrides; those that cannot be read become mistakes.</summary>
    public static IReadOnlyList<Override> ReadAll(IEnumerable<string> words, MistakeList mistakes)
    {
        var overrides = new List<Override>();
        foreach (string word in words)
        {
            try
            {
                overrides.Add(Read(word));
            }
            catch (ConfigException exception)
            {
                mistakes.Add(exception);
            }
        }

        return overrides;
    }

    /// <summary>Reads one override.</summary>
    /// <exception cref="ConfigException">It is none.</exception>
    public static Override Read(string word)
    {
        (OverrideAction action, string rest) = word switch
        {
            ['+', '+', .. var text] => (OverrideAction.Force, text),
            ['+', .. var text] => (OverrideAction.Add, text),
            ['~', .. var text] => (OverrideAction.Delete, text),
            _ => (OverrideAction.Set, word),
        };
        int equals = rest.IndexOf('=', StringComparison.Ordinal);
        string key = equals < 0 ? rest : rest[..equals];
        if (equals < 0 && action != OverrideAction.Delete)
        {
            throw Refused($"the override {Say.Quoted(word)} has no value", "write key=value");
        }

        if (!KeyShape.IsMatch(key) || key.Count('.') >= ConfigLimits.Depth)
        {
            throw Refused($"{Say.Quoted(key)} is not a key that can be overridden",
                "write names and list places with dots between them: steps.0.user=...");
        }

        return new Override(action, key.Split('.'), equals < 0 ? null : ReadValue(key, rest[(equals + 1)..]));
    }

    private static ConfigNode ReadValue(string key, string text)
    {
        string trimmed = text.Trim();
        if (trimmed.Length == 0)
        {
            return ConfigScalar.OfText("", SourceMark.CommandLine);
        }

        // {{ and {% open a template, which is text; any other bracket or quote must close.
        if (trimmed[0] is not ('{' or '[' or '"' or '\'') || trimmed is ['{', '{' or '%', ..])
        {
            return ScalarTyping.TypeOf(trimmed, SourceMark.CommandLine);
        }

        try
        {
            ConfigNode node = YamlReader.Read(trimmed, SourceMark.CommandLineName);
            if (trimmed[0] is '{' or '[' || node is ConfigScalar)
            {
                return node;
            }
        }
        catch (ConfigException)
        {
            // The parser's own words are about YAML in a file; the message below says what to do in a shell.
        }

        throw Refused($"the value of {key} cannot be read: {Say.Short(trimmed)}",
            "close every bracket and quote, or put the whole value in quotes: 'key=\"...\"'");
    }

    private static ConfigException Refused(string message, string hint) => new(ConfigErrorKind.OverrideSyntax, SourceMark.CommandLine, message, hint);

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_-]*(\.([A-Za-z_][A-Za-z0-9_-]*|[0-9]{1,6}))*\z", RegexOptions.CultureInvariant)]
    private static partial Regex KeyShape { get; }
}
