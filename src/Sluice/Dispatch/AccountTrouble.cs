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
            ErrorClass.Quota => new SluiceException(ErrorKind.Credentials, $"provider `{name}` has no quota left: {error}", "add credit or raise the limit, then run the same command again: nothing is sent twice"),
            _ => null,
        };
    }

    private static string Key(IProvider provider) => provider.KeyVariable is { } variable ? $"the environment variable {variable}" : "`api_key_env` of the model";
}
