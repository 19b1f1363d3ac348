using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Sluice.Simulator.Http;

/// <summary>Reads query parameters.</summary>
internal static class Query
{
    public static string? Text(HttpRequest request, string name)
    {
        var value = request.Query[name].ToString();
        return value.Length == 0 ? null : value;
    }

    /// <returns>The limit, or null when it is not a number in the range.</returns>
    public static int? Limit(HttpRequest request, int otherwise, int most) => Text(request, "limit") is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit >= 1 && limit <= most ? limit
        : null;
}
