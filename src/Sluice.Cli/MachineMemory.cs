using System.Globalization;
using Sluice.Memory;

namespace Sluice.Cli;

/// <summary>The memory of this machine, with the limit that the environment may name.</summary>
internal static class MachineMemory
{
    private const string LimitVariable = "SLUICE_MEMORY_LIMIT_GB";

    /// <summary>Makes the probe.</summary>
    /// <exception cref="SluiceException">The variable holds no size.</exception>
    public static MemoryProbe Probe() => new(givenLimit: GivenLimit());

    private static long? GivenLimit()
    {
        if (Environment.GetEnvironmentVariable(LimitVariable) is not { Length: > 0 } text)
        {
            return null;
        }

        if (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var gigabytes) || gigabytes is not (> 0 and <= 1e9))
        {
            throw new SluiceException(ErrorKind.Usage, $"{LimitVariable}: expected a number above 0, found `{text}`", "give the limit in GB, e.g. 128");
        }

        return (long)(gigabytes * 1e9);
    }
}
