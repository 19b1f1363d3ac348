using System.CommandLine;
using Sluice.Cli.Views;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache compact</c>: writes the store anew, as small as it can be.</summary>
internal static class CompactCommand
{
    public static Command Create()
    {
        var command = new Command("compact", "Write the store anew, as small as it can be: compressed where the store can, and without gaps.");
        command.SetAction((parsed, cancellationToken) => CacheCommand.WithStoreAsync(parsed, async store =>
        {
            if (!parsed.GetValue(CommonOptions.Quiet))
            {
                Terminal.Line($"compacting {store.Name}");
            }

            var before = await store.StoredBytesAsync(cancellationToken).ConfigureAwait(false);
            await store.CompactAsync(cancellationToken).ConfigureAwait(false);
            var after = await store.StoredBytesAsync(cancellationToken).ConfigureAwait(false);
            if (parsed.GetValue(CommonOptions.Json))
            {
                JsonOut.Write(writer =>
                {
                    writer.WriteNumber("bytes_before", before);
                    writer.WriteNumber("bytes_after", after);
                });
            }
            else
            {
                Terminal.Print($"{store.Name}: {Numbers.Bytes(after)}; it was {Numbers.Bytes(before)}");
            }

            return ExitCodes.Done;
        }, cancellationToken));
        return command;
    }
}
