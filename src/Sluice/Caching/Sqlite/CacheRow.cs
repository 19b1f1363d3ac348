using Sluice.Requests;

namespace Sluice.Caching.Sqlite;

/// <summary>An entry as the writer stores it: bodies compressed where that pays.</summary>
internal readonly record struct CacheRow(RequestKey Key, ResponseOrigin Origin, long CreatedAt, TokenUsage Usage, StoredBody Body, uint Checksum, StoredBody? Request, long ReplacedBefore);

/// <summary>A body as it is stored.</summary>
/// <param name="Bytes">The bytes, compressed or not.</param>
/// <param name="Dictionary">What they are compressed with; 0: not at all.</param>
/// <param name="Size">How long the body is, uncompressed.</param>
internal readonly record struct StoredBody(ReadOnlyMemory<byte> Bytes, int Dictionary, int Size);
