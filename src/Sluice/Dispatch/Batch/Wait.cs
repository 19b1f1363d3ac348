using System.Globalization;

namespace Sluice.Dispatch.Batch;

/// <summary>Says how long something waits.</summary>
internal static class Wait
{
    /// <summary>Writes a wait as people read it.</summary>
    public static string Text(TimeSpan wait) => wait.TotalSeconds.ToString(wait.TotalSeconds < 10 ? "0.#" : "0", CultureInfo.InvariantCulture) + " s";
}
