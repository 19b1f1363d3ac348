using System.CommandLine;
using Sluice.Caching;

namespace Sluice.Cli.Commands.Cache;

/// <summary>The options that say which entries are meant.</summary>
internal sealed class EntryFilter
{
    private readonly Option<string?> _provider = new("--provider") { Description = "Only those of this provider.", HelpName = "name" };
    private readonly Option<string?> _model = new("--model") { Description = "Only those of this model.", HelpName = "name" };
    private readonly Option<string?> _source = new("--source") { Description = "Only those of this batch, or `live`.", HelpName = "id" };
    private readonly Option<string?> _older = new("--older-than") { Description = "Only those made longer ago: 45s, 90m, 12h, 30d, 2w.", HelpName = "age" };
    private readonly Option<string?> _newer = new("--newer-than") { Description = "Only those made since then.", HelpName = "age" };
    private readonly Option<string?> _least = new("--min-bytes") { Description = "Only those whose body is at least so large.", HelpName = "n" };
    private readonly Option<string?> _most = new("--max-bytes") { Description = "Only those whose body is at most so large.", HelpName = "n" };

    /// <summary>Gets the options.</summary>
    public IEnumerable<Option> Options => [_provider, _model, _source, _older, _newer, _least, _most];

    /// <summary>Adds the options to a command.</summary>
    public Command On(Command command)
    {
        foreach (var option in Options)
        {
            command.Add(option);
        }

        return command;
    }

    /// <summary>Reads the options.</summary>
    /// <exception cref="SluiceException">An age or a number is none, or nothing can be as large as is said.</exception>
    public CacheFilter Read(ParseResult parsed)
    {
        var (least, most) = (WholeNumber.Of(parsed, _least, 0), WholeNumber.Of(parsed, _most, 0));
        if (least > most)
        {
            throw new SluiceException(ErrorKind.Usage, $"--min-bytes {least} is above --max-bytes {most}: no entry can be both", "turn them round, or leave out one of them");
        }

        var now = TimeProvider.System.GetUtcNow();
        return new CacheFilter
        {
            Provider = parsed.GetValue(_provider),
            Model = parsed.GetValue(_model),
            Source = parsed.GetValue(_source),
            Before = now - AgeOf(parsed, _older),
            From = now - AgeOf(parsed, _newer),
            LeastBytes = least,
            MostBytes = most,
        };
    }

    private static TimeSpan? AgeOf(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is not { } text ? null
        : Age.TryParse(text, out var age) ? age
        : throw new SluiceException(ErrorKind.Usage, $"{option.Name}: `{text}` is no age", $"expected is {Age.Expected}");
}
