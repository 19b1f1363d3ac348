using System.Security.Cryptography;
using System.Text;

namespace Sluice.Providers;

/// <summary>Base addresses and keys, read the way the vendors' SDKs read them.</summary>
public static class ProviderAddress
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

    /// <summary>Returns an address in the one form that goes into keys: scheme, host, port and path.</summary>
    /// <remarks>Scheme and host are in lower case; the scheme's usual port and a last slash are left out.</remarks>
    public static string ForKeys(Uri address)
    {
        var port = address.IsDefaultPort ? "" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $":{address.Port}");
        // The path alone tells large from small letters. An IPv6 address has its brackets in Host, and not in IdnHost.
        var host = address.HostNameType == UriHostNameType.IPv6 ? address.Host : address.IdnHost;
        return $"{address.Scheme}://{host.ToLowerInvariant()}{port}{address.GetComponents(UriComponents.Path | UriComponents.KeepDelimiter, UriFormat.UriEscaped).TrimEnd('/')}";
    }

    /// <summary>Returns the address that goes into keys; null where none does: the configured address is the vendor's own, or none is configured.</summary>
    /// <param name="baseUrl">The configured base address, or null.</param>
    /// <param name="vendor">The vendor's own base address, or null when there is no vendor.</param>
    /// <exception cref="UriFormatException">The configured address is no address.</exception>
    public static string? ForKeys(string? baseUrl, string? vendor)
    {
        if (baseUrl is null)
        {
            return null;
        }

        var address = ForKeys(new Uri(baseUrl));
        return vendor is not null && address == ForKeys(new Uri(vendor)) ? null : address;
    }

    /// <summary>Returns how an account is rehearsed; null at the vendor's own address.</summary>
    /// <param name="reference">The account.</param>
    /// <param name="environment">What gives its address and its key.</param>
    /// <param name="addressVariable">The vendor's variable of the address, or null.</param>
    /// <param name="vendor">The vendor's own address, or null.</param>
    /// <param name="keyVariable">The vendor's variable of the key.</param>
    /// <param name="needsKey">Whether nothing is sent without a key.</param>
    /// <exception cref="SluiceException">There is no address.</exception>
    public static ProviderReference? Rehearsal(ProviderReference reference, ProviderEnvironment environment, string? addressVariable, string? vendor, string keyVariable, bool needsKey)
    {
        var address = Resolve(reference, environment, addressVariable, vendor);
        return vendor is not null && ForKeys(address) == ForKeys(new Uri(vendor)) ? null : reference with
        {
            BaseUrl = address.AbsoluteUri,
            ApiKeyEnv = needsKey || Key(reference, environment, keyVariable) is not null ? reference.ApiKeyEnv ?? keyVariable : null,
        };
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
