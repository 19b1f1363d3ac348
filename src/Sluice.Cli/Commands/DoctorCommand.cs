using System.CommandLine;
using Sluice.Cli.Views;
using Sluice.Caching;
using Sluice.Recovery;

namespace Sluice.Cli.Commands;

/// <summary><c>doctor</c>: examines the workspace's files and says, or does, what is to be done.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var repair = new Option<bool>("--repair") { Description = "Put right what can be put right without losing anything; damaged files are kept beside." };
        var forget = new Option<bool>("--forget") { Description = "Forget that answers were paid for which cache and ledger have lost: what is asked for again is paid for again." };
        var command = new Command("doctor", "Examine cache, ledger and spools: reads every response; asks no provider.") { repair, forget };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var folder = parsed.GetValue(CommonOptions.Workspace)!;
            if (!Directory.Exists(folder))
            {
                throw new SluiceException(ErrorKind.Usage, $"there is no folder {folder}", "name the folder that holds .sluice/ and runs/ with --workspace");
            }

            var session = new Session(folder);
            await using var _ = session.ConfigureAwait(false);
            var (store, unopened) = Open(session);
            await using var __ = (store ?? (IResponseCache)EmptyCache.Instance).ConfigureAwait(false);
            var doctor = new Doctor(session.Workspace, session.Time, store, unopened);
            var findings = await doctor.ExamineAsync(parsed.GetValue(repair), parsed.GetValue(forget), cancellationToken).ConfigureAwait(false);
            if (parsed.GetValue(CommonOptions.Json))
            {
                Json(findings, doctor.Responses);
            }
            else
            {
                Show(findings, doctor.Responses);
            }

            return findings.Any(f => f.IsToDo) ? ExitCodes.Incomplete : ExitCodes.Done;
        });
        return command;
    }

    /// <summary>Opens the store when it is not SQLite; that it cannot be opened is what the doctor is asked about.</summary>
    private static (ICacheStore? Store, SluiceException? Unopened) Open(Session session)
    {
        try
        {
            return (session.Stores.OpenOtherStore(), null);
        }
        catch (SluiceException error)
        {
            return (null, error);
        }
    }

    private static void Show(IReadOnlyList<Finding> findings, long responses)
    {
        foreach (var finding in findings)
        {
            Terminal.Print($"{finding.Subject}: {finding.Problem}");
            Terminal.Print($"  {(finding.IsRepaired ? "repaired" : finding.IsHarmless ? "nothing to do" : "to do")}: {finding.Remedy}");
        }

        Terminal.Print(findings.Count == 0
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
            writer.WriteBoolean("to_do", finding.IsToDo);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });
}
