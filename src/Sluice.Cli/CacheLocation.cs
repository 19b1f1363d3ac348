using Sluice.Caching;

namespace Sluice.Cli;

/// <summary>Where a cache is, as <c>--cache</c>, <c>--from</c> and <c>--to</c> name it.</summary>
/// <param name="Kind">Which kind of store: <c>sqlite</c>, <c>jsonl</c> or <c>redis</c>.</param>
/// <param name="Place">The file, the folder or the address; null: the usual one.</param>
internal sealed record CacheLocation(string Kind, string? Place)
{
    private const string Known = "a store is sqlite[:FILE], jsonl[:FOLDER], redis or redis://HOST[:PORT][/DATABASE][?prefix=NAME] (rediss:// for TLS)";
    private const string PrefixQuery = "?prefix=";

    /// <summary>Gets what the names of all keys in Redis begin with; null: what the workspace uses, or the default.</summary>
    public string? Prefix { get; init; }

    /// <summary>Returns where settings say that a workspace has its answers; null is SQLite.</summary>
    public static CacheLocation Of(CacheSettings? settings) => settings?.Backend is not { } kind ? new(CacheSettings.Sqlite, null)
        : kind == CacheSettings.Redis ? new(kind, settings.RedisUrl) { Prefix = settings.RedisPrefix } : new(kind, null);

    /// <summary>Reads a location.</summary>
    /// <exception cref="SluiceException">It is none, or has a password in it.</exception>
    public static CacheLocation Parse(string text)
    {
        if (text.StartsWith("redis://", StringComparison.Ordinal) || text.StartsWith("rediss://", StringComparison.Ordinal))
        {
            var query = text.IndexOf(PrefixQuery, StringComparison.Ordinal);
            return query < 0 ? new CacheLocation(CacheSettings.Redis, RequireAddress(text))
                : new CacheLocation(CacheSettings.Redis, RequireAddress(text[..query])) { Prefix = Uri.UnescapeDataString(text[(query + PrefixQuery.Length)..]) };
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var (kind, place) = colon < 0 ? (text, null) : (text[..colon], text[(colon + 1)..]);
        return kind switch
        {
            CacheSettings.Sqlite or CacheSettings.Jsonl when place is not "" => new CacheLocation(kind, place),
            CacheSettings.Redis when place is null => new CacheLocation(kind, null),
            _ => throw new SluiceException(ErrorKind.Usage, $"`{text}` names no store", Path.Exists(text) ? $"did you mean {(Directory.Exists(text) ? "jsonl" : "sqlite")}:{text}? {Known}" : Known),
        };
    }

    public override string ToString() => Place is null ? Kind
        : Kind == CacheSettings.Redis ? Place + (Prefix is null ? "" : PrefixQuery + Uri.EscapeDataString(Prefix))
        : $"{Kind}:{Place}";

    private static string RequireAddress(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Host.Length == 0 || !IsDatabase(address.AbsolutePath) || address.Query.Length > 0 || address.Fragment.Length > 0)
        {
            throw new SluiceException(ErrorKind.Usage, $"the address of Redis cannot be read: {Fault(address)}", Known);
        }

        // Not even in the message: what is on a command line is seen by others.
        return address.UserInfo.Length == 0 ? text : throw new SluiceException(
            ErrorKind.Usage, $"the address of Redis at {address.Host} has a user or a password in it", "leave them out and set SLUICE_REDIS_USER and SLUICE_REDIS_PASSWORD");
    }

    // What was given is not repeated: a password may be in it.
    private static string Fault(Uri? address) => address switch
    {
        null => "it is no address, or its port is no number up to 65535",
        { Host.Length: 0 } => "it names no host",
        _ when !IsDatabase(address.AbsolutePath) => "what comes after the host is no number of a database",
        _ => "the only parameter that it can have is prefix",
    };

    private static bool IsDatabase(string path) => path.AsSpan(1) is var name && (name.IsEmpty || ushort.TryParse(name, out _));
}
