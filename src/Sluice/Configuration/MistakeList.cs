namespace Sluice.Configuration;

/// <summary>Gathers the mistakes of all configs, so that they are reported in one go.</summary>
internal sealed class MistakeList
{
    private readonly Dictionary<ConfigMistake, HashSet<string>> _mistakes = [];
    private readonly HashSet<string> _configs = new(StringComparer.Ordinal);
    private string _config = "";

    public int Count => _mistakes.Count;

    /// <summary>Says which config the next mistakes belong to; an override can be wrong for one config and right for the others.</summary>
    public void Enter(string config)
    {
        _config = config;
        _configs.Add(config);
    }

    public void Add(SourceMark mark, string path, string message, string? hint = null)
    {
        var mistake = new ConfigMistake(mark, path, message, hint);
        if (!_mistakes.TryGetValue(mistake, out HashSet<string>? configs))
        {
            _mistakes.Add(mistake, configs = new HashSet<string>(StringComparer.Ordinal));
        }

        configs.Add(_config);
    }

    public void Add(ConfigException exception) => Add(exception.Mark, "", exception.Message, exception.Hint);

    /// <summary>Throws one error that lists all mistakes by file and line, when there are any.</summary>
    /// <exception cref="SluiceException">There are mistakes.</exception>
    public void ThrowIfAny()
    {
        if (_mistakes.Count > 0)
        {
            throw new SluiceException(ErrorKind.Usage, string.Join('\n', Lines().Prepend(Heading())));
        }
    }

    private string Heading()
    {
        int files = _mistakes.Keys.Where(static mistake => mistake.Mark.Line > 0)
            .Select(static mistake => mistake.Mark.File).Distinct().Count();
        bool commandLine = _mistakes.Keys.Any(static mistake => mistake.Mark.Line == 0);
        string where = (files, commandLine) switch
        {
            (0, _) => "on the command line",
            (_, true) => $"in {Say.Count(files, "file")} and on the command line",
            _ => $"in {Say.Count(files, "file")}",
        };
        return $"{Say.Count(Count, "mistake")} {where}";
    }

    private IEnumerable<string> Lines() => _mistakes
        .OrderBy(static pair => pair.Key.Mark.Line == 0)
        .ThenBy(static pair => pair.Key.Mark.File, StringComparer.Ordinal)
        .ThenBy(static pair => pair.Key.Mark.Line)
        .ThenBy(static pair => pair.Key.Mark.Column)
        .Select(pair => pair.Key + Concerned(pair.Key, pair.Value));

    private string Concerned(ConfigMistake mistake, HashSet<string> configs)
    {
        if (mistake.Mark.Line > 0 || configs.Count == _configs.Count || configs.Contains(""))
        {
            return "";
        }

        string first = configs.Min(StringComparer.Ordinal)!;
        return configs.Count == 1 ? $" (in {first})" : $" (in {first} and {configs.Count - 1} more)";
    }
}
