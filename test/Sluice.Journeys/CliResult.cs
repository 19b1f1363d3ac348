using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>What a finished command left behind.</summary>
public sealed record CliResult(int ExitCode, string Output, string Errors)
{
    /// <summary>Gets stdout as the one JSON document that <c>--json</c> promises.</summary>
    public JsonNode Json => JsonNode.Parse(Output) ?? throw new InvalidOperationException("null on stdout");

    /// <summary>Gets the number of requests that the command sent, by its own account.</summary>
    public long Sent => Json["totals"]!["sent"]!.GetValue<long>();

    /// <summary>Checks the exit code and that nobody is shown a stack trace.</summary>
    public CliResult Is(int exitCode)
    {
        Assert.True(exitCode == ExitCode, $"exit code {ExitCode} instead of {exitCode}\n--- stdout\n{Output}\n--- stderr\n{Errors}");
        Assert.DoesNotContain("   at ", Output + Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("unexpected:", Errors, StringComparison.Ordinal);
        return this;
    }

    /// <summary>Checks that the command failed with a message and a hint.</summary>
    public CliResult Explains(int exitCode, params string[] parts)
    {
        Is(exitCode);
        Assert.Contains("error: ", Errors, StringComparison.Ordinal);
        Assert.Contains("hint: ", Errors, StringComparison.Ordinal);
        return Says(parts);
    }

    /// <summary>Checks that the command said something, on stderr or stdout.</summary>
    public CliResult Says(params string[] parts)
    {
        foreach (var part in parts)
        {
            // The whole text: what was said instead is what explains a failure.
            Assert.True((Errors + Output).Contains(part, StringComparison.OrdinalIgnoreCase), $"not said: {part}\n{Errors}{Output}");
        }

        return this;
    }
}
