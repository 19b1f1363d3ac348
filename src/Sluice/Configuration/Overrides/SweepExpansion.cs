namespace Sluice.Configuration.Overrides;

/// <summary>Turns a list of overrides into those of each job.</summary>
internal static class SweepExpansion
{
    /// <summary>Gives the overrides of each job: every combination of values, the first key varying slowest.</summary>
    /// <remarks>A repeated key keeps its first place and takes the last value. Overrides of Hydra's own settings belong to no job
    /// and are left out. Jobs are made one at a time.</remarks>
    /// <param name="overrides">The overrides in their order.</param>
    /// <param name="optionsOfGroup">Gives the sorted options of a group.</param>
    /// <exception cref="ConfigException">A sweep cannot be expanded; thrown at once and not on the way.</exception>
    public static IEnumerable<IReadOnlyList<Override>> Jobs(
        IReadOnlyList<Override> overrides, Func<string, IReadOnlyList<string>> optionsOfGroup) =>
        Product(Dimensions(overrides, optionsOfGroup));

    /// <summary>Counts the jobs; <see cref="long.MaxValue"/> stands for all larger counts.</summary>
    public static long Count(IReadOnlyList<Override> overrides, Func<string, IReadOnlyList<string>> optionsOfGroup)
    {
        IReadOnlyList<Dimension> dimensions = Dimensions(overrides, optionsOfGroup);
        return dimensions.Any(static dimension => dimension.Values.Count == 0) ? 0
            : dimensions.Aggregate(1L, static (product, dimension) =>
                product > long.MaxValue / dimension.Values.Count ? long.MaxValue : product * dimension.Values.Count);
    }

    private static IEnumerable<IReadOnlyList<Override>> Product(IReadOnlyList<Dimension> dimensions)
    {
        if (dimensions.Any(static dimension => dimension.Values.Count == 0))
        {
            yield break;
        }

        int[] places = new int[dimensions.Count];
        Override[] job = [.. dimensions.Select(static dimension => dimension.At(0))];
        while (true)
        {
            yield return [.. job];
            int turning = dimensions.Count - 1;
            while (turning >= 0 && ++places[turning] == dimensions[turning].Values.Count)
            {
                turning--;
            }

            if (turning < 0)
            {
                yield break;
            }

            places.AsSpan(turning + 1).Clear();
            for (int i = turning; i < dimensions.Count; i++)
            {
                job[i] = dimensions[i].Values.Count == 1 ? job[i] : dimensions[i].At(places[i]);
            }
        }
    }

    private static List<Dimension> Dimensions(IReadOnlyList<Override> overrides, Func<string, IReadOnlyList<string>> optionsOfGroup)
    {
        var last = new OrderedDictionary<string, Override>(StringComparer.Ordinal);
        foreach (Override one in overrides)
        {
            if (!one.IsHydra)
            {
                last[one.InputKey] = one;
            }
            else if (one.IsSweep)
            {
                throw new ConfigException(ConfigErrorKind.Composition, SourceMark.CommandLine,
                    $"Sweeping over Hydra's configuration is not supported : '{one.Text}'");
            }
        }

        return [.. last.Values.Select(one => Dimension.Of(one, optionsOfGroup))];
    }

    private sealed record Dimension(Override Source, IReadOnlyList<OverrideElement> Values)
    {
        public static Dimension Of(Override source, Func<string, IReadOnlyList<string>> optionsOfGroup)
        {
            if (source.Value is not OverrideSweep sweep)
            {
                return new Dimension(source, [source.Value as OverrideElement ?? ScalarElement.Null]);
            }

            try
            {
                OverrideElement[] values = [.. sweep.Elements(() => optionsOfGroup(source.Key)).Take(OverrideLimits.SweepValues + 1)];
                return values.Length <= OverrideLimits.SweepValues ? new Dimension(source, values)
                    : throw OverrideMistake.Sweep($"{source.InputKey} has more than {OverrideLimits.SweepValues:N0} values");
            }
            catch (ConfigException error)
            {
                throw error.FromCommandLineAt(source.Mark);
            }
        }

        public Override At(int place) => Source.With(Values[place]);
    }
}
