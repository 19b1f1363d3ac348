namespace Sluice.Configuration.Interpolation;

/// <summary>Bounds what one config may cost, so that a hostile one is refused quickly.</summary>
internal sealed class InterpolationBudget
{
    // Levels of the tree plus references followed; more is never within the limits, and would cost stack.
    private const int DeepestWork = 2 * (ConfigLimits.Depth + ConfigLimits.References);
    private const int Suggestions = 100;

    private long _characters;
    private int _depth;
    private int _suggestions;

    /// <summary>Counts characters that an interpolation makes, before it makes them.</summary>
    /// <exception cref="ConfigException">All interpolations together make too many.</exception>
    public void Spend(long characters, SourceMark mark)
    {
        _characters += characters;
        if (_characters > ConfigLimits.Characters)
        {
            throw new ConfigException(ConfigErrorKind.Interpolation, mark, "more than 4 MiB of text, interpolations included");
        }
    }

    /// <summary>Goes one level deeper.</summary>
    /// <exception cref="ConfigException">That is too deep.</exception>
    public void Enter(SourceMark mark)
    {
        if (_depth >= DeepestWork)
        {
            throw new ConfigException(ConfigErrorKind.Interpolation, mark, "nested too deeply, interpolations included");
        }

        _depth++;
    }

    public void Leave() => _depth--;

    /// <summary>Whether there is time to look for what was meant; nobody reads that many hints.</summary>
    public bool MaySuggest() => _suggestions++ < Suggestions;
}
