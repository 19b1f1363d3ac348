using System.Text.RegularExpressions;
using Sluice.Experiments;
using Sluice.Requests;

namespace Sluice.Configuration;

/// <summary>Binds <c>model</c>, at the top or in a step.</summary>
internal sealed partial class ModelBinder(IReadOnlyCollection<string> providers, MistakeList mistakes)
{
    private static readonly string[] Apis = ["chat", "responses", "messages"];

    public ModelOptions? Bind(MappingBinder? binder)
    {
        if (binder is null)
        {
            return null;
        }

        binder.RefuseUnknown();
        string? provider = binder.OneOf("provider", providers, "provider", required: true);
        string? name = binder.Text("name", required: true);
        var model = new ModelOptions
        {
            Provider = provider ?? "",
            Name = name ?? "",
            Api = binder.OneOf("api", Apis, "endpoint"),
            BaseUrl = BaseUrl(binder),
            Server = Server(binder, provider),
            ApiKeyEnv = ApiKeyEnv(binder),
            Price = Price(binder),
        };
        if (binder.RawMapping("params") is { } parameters)
        {
            RefuseStream(parameters, binder.Below("params"), mistakes);
            model = model with { Params = new JsonBinder(mistakes).Object(parameters, binder.Below("params")) };
        }

        return model;
    }

    /// <summary>Reports <c>stream</c>: how an answer travels is not part of the request.</summary>
    public static void RefuseStream(ConfigMapping body, string path, MistakeList mistakes)
    {
        foreach (ConfigEntry entry in body.Entries.Where(static entry => entry.Key == "stream"))
        {
            mistakes.Add(entry.KeyMark, path + ".stream", "stream is about transport only: it changes no answer and no batch accepts it",
                "leave it out");
        }
    }

    private static ModelPrice? Price(MappingBinder model)
    {
        if (model.Mapping("price", ExperimentFields.Price) is not { } binder)
        {
            return null;
        }

        binder.RefuseUnknown();
        return new ModelPrice(binder.Number("input"), binder.Number("output"), binder.Number("batch_input"), binder.Number("batch_output"));
    }

    // Neither of the next two shows what it found: a password or a key may have been put there.
    private static string? BaseUrl(MappingBinder binder)
    {
        string? text = binder.Text("base_url");
        bool good = Uri.TryCreate(text, UriKind.Absolute, out Uri? address)
            && address.Scheme is "http" or "https"
            && address.UserInfo.Length == 0;
        if (text is null || good)
        {
            return text;
        }

        binder.Mistake("base_url", "expected an address such as https://host/v1, without a user or password in it");
        return null;
    }

    private static string? Server(MappingBinder binder, string? provider)
    {
        string? name = binder.Text("server");
        if (name is null)
        {
            return null;
        }

        if (!ServerName.IsValid(name))
        {
            binder.Mistake("server", $"{Say.Quoted(name)} is not a valid name for a server: expected {ServerName.Expected}");
            return null;
        }

        if (provider == "simulated")
        {
            binder.Mistake("server", "provider simulated has no server to name", "leave it out");
            return null;
        }

        return name;
    }

    private static string? ApiKeyEnv(MappingBinder binder)
    {
        string? name = binder.Text("api_key_env");
        if (name is null || (name.Length <= 64 && VariableName.IsMatch(name)))
        {
            return name;
        }

        binder.Mistake("api_key_env", "expected the name of an environment variable, such as OPENAI_API_KEY, and not the key itself");
        return null;
    }

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex VariableName { get; }
}
