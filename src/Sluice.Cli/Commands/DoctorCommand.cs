using System.CommandLine;
using Sluice.Cli.Views;
using Sluice.Recovery;
using Spectre.Console;

namespace Sluice.Cli.Commands;

/// <summary><c>doctor</c>: examines the workspace's files and says, or does, what is to be done.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var repair = new Option<bool>("--repair") { Description = "Put right what can be put right without losing anything; damaged files are kept beside." };
        var command = new Command("doctor", "Examine cache, ledger and spools: reads every response; asks no provider.") { repair };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var session = new Session(parsed.GetValue(CommonOptions.Workspace)!);
            await using var _ = session.ConfigureAwait(false);
            var doctor = new Doctor(session.Workspace, session.Time);
            var findings = await doctor.ExamineAsync(parsed.GetValue(repair), cancellationToken).ConfigureAwait(false);
            if (parsed.GetValue(CommonOptions.Json))
            {
                Json(findings, doctor.Responses);
            }
            else
            {
                Show(findings, doctor.Responses);
            }

            return findings.All(f => f.IsRepaired) ? ExitCodes.Done : ExitCodes.Incomplete;
        });
        return command;
    }

    private static void Show(IReadOnlyList<Finding> findings, long responses)
    {
        foreach (var finding in findings)
        {
            Terminal.Out.WriteLine($"{finding.Subject}: {Terminal.Clean(finding.Problem)}");
            Terminal.Out.WriteLine($"  {(finding.IsRepaired ? "repaired" : "to do")}: {Terminal.Clean(finding.Remedy)}");
        }

        Terminal.Out.WriteLine(findings.Count == 0
            ? $"everything is sound: {Numbers.Of(responses, "response")} in the cache"
            : $"{Numbers.Of(findings.Count, "finding")}, {Numbers.Count(findings.Count(f => f.IsRepaired))} repaired");
    }

    private static void Json(IReadOnlyList<Finding> findings, long responses) => JsonOut.Write(writer =>
    {
        writer.WriteNumber("responses", responses);
        writer.WriteStartArray("findings");
        foreach (var finding in findings)
        {
            writer.WriteStartObject();
            writer.WriteString("subject", finding.Subject);
            writer.WriteString("problem", finding.Problem);
            writer.WriteString("remedy", finding.Remedy);
            writer.WriteBoolean("repaired", finding.IsRepaired);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });
}
