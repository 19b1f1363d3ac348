namespace Sluice.Providers;

/// <summary>Takes an account's key out of what a provider says: some repeat the request's headers in their errors.</summary>
internal sealed class KeyMask
{
    private const string Instead = "***";

    /// <summary>What is shorter is a placeholder such as <c>EMPTY</c>, and may be a word of any message.</summary>
    private const int Shortest = 8;

    private readonly string? _key;

    /// <summary>Creates the mask of a key; null hides nothing.</summary>
    public KeyMask(string? key) => _key = key?.Length >= Shortest ? key : null;

    /// <summary>Returns the text without the key.</summary>
    public string Apply(string text)
    {
        if (_key is not { } key)
        {
            return text;
        }

        text = text.Replace(key, Instead, StringComparison.OrdinalIgnoreCase);
        // Long messages are cut, perhaps in the middle of a key.
        var end = text.EndsWith("...", StringComparison.Ordinal) ? text.Length - 3 : text.Length;
        for (var length = Math.Min(key.Length - 1, end); length >= Shortest; length--)
        {
            if (text.AsSpan(0, end).EndsWith(key.AsSpan(0, length), StringComparison.OrdinalIgnoreCase))
            {
                return string.Concat(text.AsSpan(0, end - length), Instead, text.AsSpan(end));
            }
        }

        return text;
    }

    /// <summary>Returns the error without the key.</summary>
    public RequestError Apply(RequestError error) => _key is null ? error : error with { Code = Apply(error.Code), Message = Apply(error.Message) };
}
