using System.Security.Cryptography;
using System.Text;

namespace Sluice.Providers;

/// <summary>Base addresses and keys, read the way the vendors' SDKs read them.</summary>
internal static class ProviderAddress
{
    /// <summary>Returns the base address: the configured one, the environment's, or the vendor's own.</summary>
    /// <exception cref="SluiceException">The address is no absolute http(s) address.</exception>
    public static Uri Resolve(ProviderReference reference, ProviderEnvironment environment, string? variable, string? vendor)
    {
        var text = reference.BaseUrl ?? (variable is null ? null : NullIfEmpty(environment.Variable(variable))) ?? vendor
            ?? throw new SluiceException(ErrorKind.Usage, $"provider `{reference.Provider}` needs an address", "set `base_url` in the model's configuration, e.g. http://127.0.0.1:8000/v1");
        return Uri.TryCreate(text.TrimEnd('/'), UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : throw new SluiceException(ErrorKind.Usage, $"base address `{text}` of provider `{reference.Provider}` is no http(s) address", "write it with its scheme, e.g. https://host/v1");
    }

    /// <summary>Returns the address of a path below a base address.</summary>
    public static Uri At(Uri root, string path) => new(root.AbsoluteUri.TrimEnd('/') + path);

    /// <summary>Reads the API key; null when the variable is not set.</summary>
    public static string? Key(ProviderReference reference, ProviderEnvironment environment, string vendorVariable) =>
        NullIfEmpty(environment.Variable(reference.ApiKeyEnv ?? vendorVariable))?.Trim();

    /// <summary>Throws when there is no key.</summary>
    public static void RequireKey(ProviderReference reference, string? key, string vendorVariable)
    {
        if (key is null)
        {
            var variable = reference.ApiKeyEnv ?? vendorVariable;
            throw new SluiceException(ErrorKind.Credentials, $"no API key for provider `{reference.Provider}`: the environment variable {variable} is not set", $"export {variable}=..., or name another variable with `api_key_env` in the model's configuration");
        }

        RequireSendable(reference, key);
    }

    /// <summary>Throws when no HTTP header can hold the key: nothing would ever be sent, and an error from further down might show it.</summary>
    public static void RequireSendable(ProviderReference reference, string key)
    {
        if (key.Any(c => c is < ' ' or > '~'))
        {
            throw new SluiceException(ErrorKind.Credentials, $"the API key for provider `{reference.Provider}` has characters that cannot be sent, such as a line break", "copy it into its environment variable again, as one line without anything around it");
        }
    }

    /// <summary>Returns a text that is equal for equal accounts and does not tell the key.</summary>
    public static string Account(string provider, Uri address, string? key)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"sluice-account\n{key}"));
        return $"{provider}@{address.Authority}#{Convert.ToHexStringLower(hash.AsSpan(0, 4))}";
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
