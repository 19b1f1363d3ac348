using System.Globalization;
using System.Text.Json;
using Sluice.Providers;
using Sluice.Storage;

namespace Sluice.Ledger;

/// <summary>The files of an intent: its lines, as they are uploaded, and beside them how they are sent, so that a lost ledger can be made again.</summary>
public static class Spool
{
    private const string Lines = ".jsonl";
    private const string Note = ".json";

    /// <summary>Returns the file of an intent's lines.</summary>
    public static string PathOf(string folder, string intent) => Path.Combine(folder, intent + Lines);

    /// <summary>Deletes an intent's files; those that are gone do not matter.</summary>
    public static void Delete(string folder, string intent)
    {
        CrashPoint.Hit("spool.delete.before");
        if (Directory.Exists(folder))
        {
            File.Delete(Path.Combine(folder, intent + Note));
            File.Delete(PathOf(folder, intent));
        }

        CrashPoint.Hit("spool.delete.after");
    }

    /// <summary>Returns the intents that have a file in a folder.</summary>
    public static IEnumerable<string> In(string folder) =>
        Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder).Where(f => f.EndsWith(Lines, StringComparison.Ordinal) || f.EndsWith(Note, StringComparison.Ordinal)).Select(f => Path.GetFileNameWithoutExtension(f)!).Distinct()
            : [];

    /// <summary>Tells whether a spool has both its lines and the note how it is sent.</summary>
    public static bool IsComplete(string folder, string intent) => File.Exists(PathOf(folder, intent)) && File.Exists(Path.Combine(folder, intent + Note));

    /// <summary>Writes how a complete spool is sent, synced to disk; a spool without it was never sent.</summary>
    public static void Describe(string folder, Intent intent, int count, long bytes)
    {
        ArgumentNullException.ThrowIfNull(intent);
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", 1);
            writer.WriteString("intent", intent.Id);
            writer.WriteString("provider", intent.Provider.Provider);
            writer.WriteString("api", intent.Provider.Api);
            writer.WriteString("base_url", intent.Provider.BaseUrl);
            writer.WriteString("api_key_env", intent.Provider.ApiKeyEnv);
            writer.WriteString("account", intent.Account);
            writer.WriteString("model", intent.Model);
            writer.WriteNumber("count", count);
            writer.WriteNumber("bytes", bytes);
            writer.WriteString("created", intent.CreatedAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
            writer.WriteEndObject();
        }

        using var file = PrivateFiles.Create(Path.Combine(folder, intent.Id + Note));
        file.Write(buffer.ToArray());
        file.Flush(flushToDisk: true);
    }

    /// <summary>Reads how a spool is sent: an intent that is in no ledger; null when the spool was never complete.</summary>
    /// <exception cref="FormatException">The description is damaged.</exception>
    public static Intent? Read(string folder, string intent)
    {
        var path = Path.Combine(folder, intent + Note);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = document.RootElement;
            return new Intent
            {
                Row = 0,
                Id = root.GetProperty("intent").GetString()!,
                Provider = new ProviderReference(
                    root.GetProperty("provider").GetString()!, root.GetProperty("api").GetString()!, root.GetProperty("base_url").GetString(), root.GetProperty("api_key_env").GetString()),
                Account = root.GetProperty("account").GetString()!,
                Model = root.GetProperty("model").GetString()!,
                State = IntentState.Unknown,
                Count = root.GetProperty("count").GetInt32(),
                Bytes = root.GetProperty("bytes").GetInt64(),
                CreatedAt = root.GetProperty("created").GetDateTimeOffset(),
                Owner = "",
            };
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"{path} is damaged: {error.Message}", error);
        }
    }
}
