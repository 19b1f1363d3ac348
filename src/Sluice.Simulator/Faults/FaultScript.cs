using Sluice.Simulator.Faults;

namespace Sluice.Simulator;

/// <summary>A list of rules that say which faults a simulator injects, and when. See <c>docs/simulator.md</c>.</summary>
public sealed class FaultScript
{
    private FaultScript(IReadOnlyList<FaultRule> rules) => Rules = rules;

    internal IReadOnlyList<FaultRule> Rules { get; }

    /// <summary>Reads a script from JSON text.</summary>
    /// <param name="json">An array of rules; comments and trailing commas are allowed.</param>
    /// <param name="source">What to call the text in errors.</param>
    /// <exception cref="InvalidDataException">The text is no fault script; the message names the rule and what it may say.</exception>
    public static FaultScript Parse(string json, string source = "fault script") => new(FaultScriptReader.Read(json, source));

    /// <summary>Reads a script from a file.</summary>
    /// <exception cref="InvalidDataException">The file is no fault script; the message names the rule and what it may say.</exception>
    public static async Task<FaultScript> LoadAsync(string path, CancellationToken cancellationToken = default) =>
        Parse(await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false), path);
}
