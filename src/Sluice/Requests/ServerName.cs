using System.Text.RegularExpressions;

namespace Sluice.Requests;

/// <summary>The name of a server, which stands for its address in keys.</summary>
public static partial class ServerName
{
    /// <summary>Gets what a name looks like, for messages.</summary>
    public static string Expected => "1 to 100 letters, digits and . _ -";

    /// <summary>Tells whether a text is a name: never one that could be an address, which has slashes.</summary>
    public static bool IsValid(string text) => Form.IsMatch(text);

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,100}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form { get; }
}
