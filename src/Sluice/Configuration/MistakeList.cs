namespace Sluice.Configuration;

/// <summary>Gathers the mistakes of all configs, so that they are reported in one go.</summary>
internal sealed class MistakeList
{
    /// <summary>How many mistakes of one value are listed: a sweep over it can make thousands.</summary>
    private const int ListedOfOneValue = 5;

    /// <summary>How many lines the list has at most: nobody reads more, and one mistake can come once for each job.</summary>
    private const int MostLines = 100;

    private readonly Dictionary<ConfigMistake, Concerned> _mistakes = [];
    private readonly Dictionary<string, int> _jobs = new(StringComparer.Ordinal);
    private string _config = "";
    private (int Number, string Label)? _job;

    public int Count => _mistakes.Count;

    /// <summary>Says which config the next mistakes belong to; an override can be wrong for one config and right for the others.</summary>
    public void Enter(string config)
    {
        (_config, _job) = (config, null);
        _jobs.TryAdd(config, 1);
    }

    /// <summary>Says which job of the config's multirun the next mistakes belong to; coming to it again changes nothing.</summary>
    /// <param name="number">Its number, from 0.</param>
    /// <param name="label">What was chosen for it.</param>
    public void EnterJob(int number, string label)
    {
        _job = (number, label);
        _jobs[_config] = Math.Max(_jobs[_config], number + 1);
    }

    public void Add(SourceMark mark, string path, string message, string? hint = null)
    {
        var mistake = new ConfigMistake(mark, path, message, hint);
        if (!_mistakes.TryGetValue(mistake, out Concerned? concerned))
        {
            _mistakes.Add(mistake, concerned = new Concerned());
        }

        concerned.Configs.Add(_config);
        if (_job is { } job)
        {
            concerned.Jobs.TryAdd((_config, job.Number), job.Label);
        }
    }

    public void Add(ConfigException exception) => Add(exception.Mark, "", exception.Message, exception.Hint);

    /// <summary>Throws one error that lists all mistakes by file and line, when there are any.</summary>
    /// <exception cref="SluiceException">There are mistakes.</exception>
    public void ThrowIfAny()
    {
        if (_mistakes.Count > 0)
        {
            List<string> lines = [.. Lines()];
            string[] more = lines.Count > MostLines ? [$"and {lines.Count - MostLines:N0} more"] : [];
            throw new SluiceException(ErrorKind.Usage, string.Join('\n', [Heading(), .. lines.Take(MostLines), .. more]));
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
        .GroupBy(static pair => (pair.Key.Mark, pair.Key.Path))
        .SelectMany(group => group.Key.Path.Length == 0 ? group.Select(Line) : OfOneValue(group.Key.Path, [.. group]));

    private IEnumerable<string> OfOneValue(string path, IReadOnlyList<KeyValuePair<ConfigMistake, Concerned>> mistakes) =>
        mistakes.Take(ListedOfOneValue).Select(Line)
            .Concat(mistakes.Count > ListedOfOneValue ? [$"{mistakes[0].Key.Mark}: {path}: and {mistakes.Count - ListedOfOneValue:N0} more of the same value"] : []);

    private string Line(KeyValuePair<ConfigMistake, Concerned> pair) => pair.Key + Whose(pair.Key, pair.Value);

    private string Whose(ConfigMistake mistake, Concerned concerned)
    {
        if (concerned.Jobs.Count > 0 && concerned.Jobs.Count < _jobs.Values.Sum())
        {
            return Among("job ", concerned.Jobs.MinBy(static job => job.Key).Value, concerned.Jobs.Count);
        }

        return mistake.Mark.Line > 0 || concerned.Configs.Count == _jobs.Count || concerned.Configs.Contains("") ? ""
            : Among("", concerned.Configs.Min(StringComparer.Ordinal)!, concerned.Configs.Count);
    }

    private static string Among(string kind, string first, int count) => count == 1 ? $" (in {kind}{first})" : $" (in {kind}{first} and {count - 1:N0} more)";

    /// <summary>Whose mistake it is.</summary>
    private sealed class Concerned
    {
        public HashSet<string> Configs { get; } = new(StringComparer.Ordinal);

        /// <summary>Gets what was chosen for each job of a multirun.</summary>
        public Dictionary<(string Config, int Number), string> Jobs { get; } = [];
    }
}
