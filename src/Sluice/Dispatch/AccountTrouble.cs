using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Dispatch;

/// <summary>Errors that end a command, because only the owner of the account can cure them.</summary>
public static class AccountTrouble
{
    /// <summary>Returns the error to end the command with, or null when the program can go on by itself.</summary>
    public static SluiceException? Of(IProvider provider, RequestError error)
    {
        var name = provider.Reference.Provider;
        return error.Class switch
        {
            ErrorClass.Credentials => new SluiceException(ErrorKind.Credentials, $"provider `{name}` refused the API key: {error}", $"check {Key(provider)}, then run the same command again: nothing is sent twice"),
            ErrorClass.Unreachable => new SluiceException(ErrorKind.Environment, $"provider `{name}` cannot be reached: {error}", "see whether it runs, and check the network and `base_url`; then run the same command again: nothing is sent twice"),
            ErrorClass.Address => new SluiceException(ErrorKind.Environment, $"something else answers where provider `{name}` should: {error}", "check `base_url` and any proxy in between; then run the same command again: nothing is sent twice"),
            ErrorClass.Quota => new SluiceException(ErrorKind.Credentials, $"provider `{name}` has no quota left: {error}", "add credit or raise the limit, then run the same command again: nothing is sent twice"),
            _ => null,
        };
    }

    /// <summary>Returns the error of an account whose rate limit never lets a call through.</summary>
    public static SluiceException Limited(IProvider provider, RequestError error, int rounds)
    {
        ArgumentNullException.ThrowIfNull(provider);
        return new SluiceException(
            ErrorKind.Environment,
            $"provider `{provider.Reference.Provider}` has refused {rounds} calls in a row by its rate limit: {error}",
            "run the same command again when the limit allows: nothing is sent twice");
    }

    /// <summary>Returns an account's name as people know it, e.g. <c>`openai` at api.openai.com</c>.</summary>
    public static string NameOf(IProvider provider)
    {
        ArgumentNullException.ThrowIfNull(provider);
        var address = provider.Account.Split('#')[0].Split('@');
        return $"`{provider.Reference.Provider}`{(address.Length > 1 ? $" at {address[^1]}" : "")}";
    }

    /// <summary>Says that a batch was made with another key or address than a provider's account has; null when the account has made or shown it. To all others it is not there.</summary>
    public static string? StrangerTo(Intent intent, IProvider provider)
    {
        ArgumentNullException.ThrowIfNull(intent);
        ArgumentNullException.ThrowIfNull(provider);
        var home = intent.HomeAccount ?? intent.Account;
        return home == provider.Account ? null : $"it was made with another key or address ({home}), and only there it can be seen; set that again";
    }

    private static string Key(IProvider provider) => provider.KeyVariable is { } variable ? $"the environment variable {variable}" : "`api_key_env` of the model";
}
