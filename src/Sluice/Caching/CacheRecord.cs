using System.Text.Json;
using Sluice.Storage;

namespace Sluice.Caching;

/// <summary>Which store the cache of a workspace is in, for commands that read no config: <c>.sluice/cache.json</c>. A workspace without one uses the store that has entries, and SQLite when none has.</summary>
public static class CacheRecord
{
    /// <summary>Reads the record; null when there is none.</summary>
    /// <exception cref="SluiceException">It is damaged.</exception>
    public static CacheSettings? Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = document.RootElement;
            return new CacheSettings
            {
                Backend = root.GetProperty("backend").GetString(),
                RedisUrl = root.GetProperty("redis_url").GetString(),
                RedisPrefix = root.GetProperty("redis_prefix").GetString()!,
            };
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new SluiceException(ErrorKind.Environment, $"{path} is damaged: {error.Message}", "delete it, and run a config that names the store with `cache.backend`", error);
        }
    }

    /// <summary>Deletes what processes have left that were killed while they wrote it.</summary>
    public static void DropLeftovers(string path, TimeProvider time) => AtomicFile.DropLeftovers(Path.GetDirectoryName(path)!, time);

    /// <summary>Writes the record.</summary>
    public static void Write(string path, CacheSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        using var file = new AtomicFile(path);
        using (var writer = new Utf8JsonWriter(file.Stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", 1);
            writer.WriteString("backend", settings.Backend);
            writer.WriteString("redis_url", settings.RedisUrl);
            writer.WriteString("redis_prefix", settings.RedisPrefix ?? CacheSettings.UsualRedisPrefix);
            writer.WriteEndObject();
        }

        file.Commit();
    }
}
