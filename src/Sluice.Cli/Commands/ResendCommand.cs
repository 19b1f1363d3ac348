using System.CommandLine;
using Sluice.Cli.Views;
using Sluice.Ledger;
using Spectre.Console;

namespace Sluice.Cli.Commands;

/// <summary><c>resend</c>: people say that no batch was made by a create call whose outcome nobody knows.</summary>
internal static class ResendCommand
{
    public static Command Create()
    {
        var ids = new Argument<string[]>("intents") { Description = "Ids of batches in doubt, as `sluice status` shows them.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("resend", "Say that the provider has no batch for these: they are sent again. If it has one after all, it is paid for twice.") { ids };
        command.SetAction(async (parsed, _) =>
        {
            var session = new Session(parsed.GetValue(CommonOptions.Workspace)!);
            await using var __ = session.ConfigureAwait(false);
            var intents = parsed.GetValue(ids)!.Select(id => Doubt.Of(session, id)).ToList();
            foreach (var intent in intents)
            {
                session.Ledger.MarkNotCreated(Doubt.TakeOver(session, intent), "people say that there is no batch of it; sending again");
            }

            if (parsed.GetValue(CommonOptions.Json))
            {
                JsonOut.Write(writer =>
                {
                    writer.WriteStartArray("resent");
                    intents.ForEach(i => writer.WriteStringValue(i.Id));
                    writer.WriteEndArray();
                });
            }
            else
            {
                Terminal.Out.WriteLine($"{Numbers.Of(intents.Count, "batch")} to be sent again");
                Terminal.Hint("`sluice run` or `sluice submit` sends them");
            }

            return ExitCodes.Done;
        });
        return command;
    }
}

/// <summary>Finds and takes over intents whose create call is in doubt.</summary>
internal static class Doubt
{
    /// <summary>Returns the intent of an id.</summary>
    /// <exception cref="SluiceException">There is none, or it is not in doubt.</exception>
    public static Intent Of(Session session, string id)
    {
        var open = session.ExistingLedger?.Open() ?? [];
        var intent = open.FirstOrDefault(i => i.Id == id)
            ?? throw new SluiceException(ErrorKind.Usage, $"no open batch is called `{id}`", "see `sluice status`: the id of a batch in doubt stands where others have the provider's");
        return intent.IsInDoubt
            ? intent
            : throw new SluiceException(ErrorKind.Usage, $"batch `{id}` is not in doubt", "only a batch whose create call has no known outcome is settled by people: `unknown` or `needs a decision` in `sluice status`");
    }

    /// <summary>Takes the intent over from whichever process works on it.</summary>
    /// <exception cref="SluiceException">Its create call is still under way.</exception>
    public static Intent TakeOver(Session session, Intent intent) => session.Ledger.Overrule(intent)
        ?? throw new SluiceException(ErrorKind.Usage, $"the create call of `{intent.Id}` is still under way in another process, or has just been settled", "see `sluice status`");
}
