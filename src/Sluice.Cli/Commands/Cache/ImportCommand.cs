using System.CommandLine;
using Sluice.Caching.Exchange;
using Sluice.Cli.Views;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Cli.Commands.Cache;

/// <summary><c>cache import</c>: takes in exported lines, or a vendor's own batch files.</summary>
internal static class ImportCommand
{
    private static readonly Argument<string[]> Files = new("files") { Description = "Exported files, also .gz and .zst; - is stdin.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string?> Provider = new("--provider") { Description = "Whose batch files they are: openai, anthropic, openai-compatible.", HelpName = "name" };
    private static readonly Option<string?> BaseUrl = new("--base-url") { Description = "The address of the config that is to find the answers, as `model.base_url`.", HelpName = "url" };
    private static readonly Option<string?> Server = new("--server") { Description = "The server's name in that config, as `model.server`.", HelpName = "name" };
    private static readonly Option<string?> Input = new("--input") { Description = "A batch's input: a line for each request.", HelpName = "file" };
    private static readonly Option<string[]> Output = new("--output") { Description = "Its results; again for the error file.", HelpName = "file" };
    private static readonly Option<int> Epoch = new("--epoch") { Description = "The repeat that the answers are for, from 0.", HelpName = "n" };
    private static readonly Option<string?> Scope = new("--scope") { Description = "The scope that they are for, as `cache.scope`.", HelpName = "name" };
    private static readonly Option<string?> Source = new("--source") { Description = "The batch's id; default: as the lines or the file's name say.", HelpName = "id" };
    private static readonly Option<bool> StoreRequests = new("--store-requests") { Description = "Keep the requests too, as `cache.store_requests`." };

    private const string Compatible = "openai-compatible";

    /// <summary>Gets the time after which nothing can have been made; a day is for clocks that differ.</summary>
    private static DateTimeOffset Latest => TimeProvider.System.GetUtcNow().AddDays(1);

    private static Option[] Pairs => [Provider, BaseUrl, Server, Input, Output, Epoch, Scope, Source, StoreRequests];

    public static Command Create()
    {
        var command = new Command("import", "Take in what `export` wrote, or a batch's input and output as OpenAI and Anthropic have them. What is there already stays.") { Files };
        foreach (var option in Pairs)
        {
            command.Add(option);
        }

        command.SetAction(async (parsed, cancellationToken) =>
        {
            RequireUse(parsed);
            RequireFiles([.. parsed.GetValue(Files)!.Where(f => f != "-"), .. parsed.GetValue(Input) is { } input ? (string[])[input] : [], .. parsed.GetValue(Output) ?? []]);
            return await (parsed.GetValue(Files)!.Length > 0 ? ImportAsync(parsed, cancellationToken) : ImportPairAsync(parsed, cancellationToken)).ConfigureAwait(false);
        });
        return command;
    }

    /// <summary>Refuses what would otherwise be passed over in silence.</summary>
    private static void RequireUse(ParseResult parsed)
    {
        if (parsed.GetValue(Files)!.Length > 0)
        {
            if (Pairs.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false }) is { } idle)
            {
                if (parsed.GetResult(Input) is { Implicit: false } || parsed.GetResult(Output) is { Implicit: false })
                {
                    throw new SluiceException(ErrorKind.Usage, $"exported files ({string.Join(", ", parsed.GetValue(Files)!)}) and a vendor's (--input, --output) are both named", "import them one after the other");
                }

                throw new SluiceException(ErrorKind.Usage, $"{idle.Name} has no meaning here: exported lines say everything themselves", "leave it out; a vendor's files are named by --input and --output");
            }

            return;
        }

        if (Pairs.All(o => parsed.GetResult(o) is not { Implicit: false }))
        {
            throw new SluiceException(ErrorKind.Usage, "nothing to import is named", "name exported files, or a vendor's with --provider, --input and --output");
        }

        if (((Option[])[Provider, Input, Output]).FirstOrDefault(o => parsed.GetResult(o) is not { Implicit: false }) is { } missing)
        {
            throw new SluiceException(ErrorKind.Usage, $"{missing.Name} is missing", "a vendor's files need --provider, --input (what was asked) and --output (what was answered)");
        }

        if (parsed.GetValue(Server) is { } server && !ServerName.IsValid(server))
        {
            throw new SluiceException(ErrorKind.Usage, $"--server: `{server}` is not a valid name for a server", $"give `model.server` of the config that is to find the answers: {ServerName.Expected}");
        }

        if (parsed.GetValue(Provider) == Compatible && parsed.GetValue(BaseUrl) is null && parsed.GetValue(Server) is null)
        {
            throw new SluiceException(ErrorKind.Usage, $"--base-url is missing: with provider `{Compatible}` the address is part of the key", "give `model.base_url` of the config that is to find the answers, or its `model.server` with --server");
        }

        if (parsed.GetValue(Epoch) < 0 || (parsed.GetValue(Scope) is { } scope && (scope.Length is 0 or > 100 || scope.Any(char.IsControl))))
        {
            throw new SluiceException(ErrorKind.Usage, parsed.GetValue(Epoch) < 0 ? "--epoch is below 0" : "--scope is no name: expected 1 to 100 characters on one line", "give the values of the config that is to find the answers");
        }
    }

    private static void RequireFiles(string[] files)
    {
        if (files.Where(f => !File.Exists(f)).ToList() is { Count: > 0 } missing)
        {
            throw new SluiceException(ErrorKind.Usage, string.Join('\n', missing.Select(f => $"file {f} {(Directory.Exists(f) ? "is a folder" : "does not exist")}")), "nothing was read; a relative path is looked up from the current folder");
        }
    }

    private static async Task<int> ImportAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var progress = new CountProgress("imported", parsed.GetValue(CommonOptions.Quiet));
        var store = CacheCommand.Stores(parsed).Late(parsed.GetValue(CacheCommand.Location));
        await using var _ = store.ConfigureAwait(false);
        using var import = new CacheImport(store, progress.Report, Latest);
        var files = parsed.GetValue(Files)!;
        foreach (var file in files)
        {
            if (file == "-")
            {
                using var input = Console.OpenStandardInput();
                await import.ReadAsync(input, "stdin", cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await import.ReadAsync(file, cancellationToken).ConfigureAwait(false);
            }
        }

        progress.Clear();
        if (import.Broken.ToError(import.Responses) is { } error)
        {
            throw error;
        }

        if (parsed.GetValue(CommonOptions.Json))
        {
            JsonOut.Write(writer =>
            {
                writer.WriteNumber("files", files.Length);
                writer.WriteNumber("responses", import.Responses);
                writer.WriteNumber("new", import.New);
            });
        }
        else
        {
            Terminal.Print($"{Numbers.Of(files.Length, "file")}: {Numbers.Of(import.Responses, "response")}, {Numbers.Count(import.New)} of them new here");
        }

        return ExitCodes.Done;
    }

    private static async Task<int> ImportPairAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var progress = new CountProgress("imported", parsed.GetValue(CommonOptions.Quiet));
        var (dialects, server) = await DialectsAsync(parsed.GetValue(CommonOptions.Workspace)!, parsed.GetValue(Provider)!, parsed.GetValue(BaseUrl)).ConfigureAwait(false);
        var options = new PairOptions
        {
            Provider = parsed.GetValue(Provider)!, Server = parsed.GetValue(Server) ?? server, Epoch = parsed.GetValue(Epoch), Scope = parsed.GetValue(Scope), Source = parsed.GetValue(Source), StoresRequests = parsed.GetValue(StoreRequests), Latest = Latest,
        };
        var store = CacheCommand.Stores(parsed).Late(parsed.GetValue(CacheCommand.Location));
        await using var _ = store.ConfigureAwait(false);
        using var import = new PairImport(store, dialects, options, progress.Report);
        await import.ReadAsync(parsed.GetValue(Input)!, parsed.GetValue(Output)!, cancellationToken).ConfigureAwait(false);
        progress.Clear();
        if (import.Broken.ToError(import.Responses) is { } error)
        {
            throw error;
        }

        if (parsed.GetValue(CommonOptions.Json))
        {
            JsonOut.Write(writer =>
            {
                writer.WriteNumber("requests", import.Requests);
                writer.WriteNumber("responses", import.Responses);
                writer.WriteNumber("new", import.New);
                writer.WriteNumber("failed", import.Failed);
                writer.WriteNumber("unanswered", import.Unanswered);
            });
        }
        else
        {
            Terminal.Print($"{Numbers.Of(import.Requests, "request")}: {Numbers.Of(import.Responses, "response")}, {Numbers.Count(import.New)} of them new here; {Numbers.Count(import.Failed)} failed, {Numbers.Count(import.Unanswered)} without a result");
        }

        return ExitCodes.Done;
    }

    /// <summary>Returns how a provider's requests may look, and the address that is part of their keys. Nothing is sent, so an address that the provider cannot do without may be any.</summary>
    private static async Task<(IReadOnlyList<IDialect> Dialects, string? Server)> DialectsAsync(string workspace, string provider, string? baseUrl)
    {
        var session = new Session(workspace);
        await using var _ = session.ConfigureAwait(false);
        var address = baseUrl ?? (provider == Compatible ? "http://127.0.0.1/v1" : null);
        return ([.. session.Providers.ApisOf(provider).Select(api => session.Providers.Get(provider, api, address, null).Dialect)], session.Providers.KeyAddress(provider, baseUrl));
    }
}
