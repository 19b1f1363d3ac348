namespace Sluice.Configuration.Interpolation;

/// <summary>Why there is nothing at a key.</summary>
internal enum LookupFailure
{
    None,

    /// <summary>A mapping or list does not have it.</summary>
    NotFound,

    /// <summary>Something on the way is neither a mapping nor a list.</summary>
    NotContainer,

    /// <summary>The value, or one on the way, is <c>???</c>.</summary>
    Missing,
}

/// <summary>What was found at a key.</summary>
/// <param name="Path">The key that was looked up.</param>
/// <param name="Reached">The place that was found; after a failure, the last one on the way to it.</param>
/// <param name="Failure">Why there is nothing.</param>
/// <param name="Passed">How many segments of the key lead to <paramref name="Reached"/>.</param>
internal readonly record struct Lookup(KeyPath Path, Place Reached, LookupFailure Failure = LookupFailure.None, int Passed = 0)
{
    private const string Missing = "MissingMandatoryValue while resolving interpolation: ";

    /// <summary>Gets the place, or null when there is nothing.</summary>
    public Place? Found => Failure == LookupFailure.None ? Reached : null;

    /// <summary>Phrases the failure.</summary>
    /// <param name="mark">Where the interpolation is written.</param>
    /// <param name="suggests">Whether to look for what was meant.</param>
    public ConfigException Error(SourceMark mark, bool suggests)
    {
        (string message, string? hint) = Failure switch
        {
            LookupFailure.Missing => (
                $"{Missing}Missing mandatory value: {Reached.FullKey}",
                $"give {Reached.FullKey} a value{(Reached.Node.Mark.File == mark.File ? "" : $"; it is ??? in {Reached.Node.Mark}")}"),
            LookupFailure.NotContainer => (
                $"Error trying to access {Say.Short(string.Join('.', Path.Segments))}: node `{Say.Short(string.Join('.', Path.Segments.Take(Passed)))}`"
                + $" is not a container and thus cannot contain `{Say.Short(Path.Segments[Passed])}`",
                $"it is {Say.Found(Reached.Node)}"),
            _ => ($"Interpolation key '{Say.Short(Path.Text)}' not found", suggests ? Hint() : InterpolationSyntax.Escaping),
        };
        return new ConfigException(ConfigErrorKind.Interpolation, mark, message, hint);
    }

    /// <summary>Says whether an error is about a value that is still to be given.</summary>
    public static bool IsMissing(ConfigException error) => error.Message.StartsWith(Missing, StringComparison.Ordinal);

    /// <summary>Gives the key that was probably meant in place of the one that is not there.</summary>
    public string? Nearest() => Failure == LookupFailure.NotFound && Reached.Node is ConfigMapping mapping
        ? NearestName.Of(Path.Segments[Passed], mapping.Keys)
        : null;

    private string Hint()
    {
        if (Reached.Node is ConfigSequence sequence)
        {
            return $"the list has {Say.Count(sequence.Items.Count, "item")}, counted from 0";
        }

        if (Nearest() is { } nearest)
        {
            string[] meant = [.. Path.Segments.Take(Passed), nearest, .. Path.Segments.Skip(Passed + 1)];
            return $"did you mean \"${{{new string('.', Path.Dots)}{string.Join('.', meant)}}}\"?";
        }

        return Reached.Container is null && Path.Segments[Passed] == "hydra"
            ? $"the job's config has no key hydra; write ${{hydra:{string.Join('.', Path.Segments.Skip(Passed + 1))}}}"
            : InterpolationSyntax.Escaping;
    }
}
