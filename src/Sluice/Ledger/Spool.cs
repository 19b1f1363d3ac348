using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Sluice.Providers;
using Sluice.Requests;
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

    /// <summary>Deletes the files of an intent that was never sent, before the ledger forgets it: a complete spool that no intent knows is taken for what is left of a lost ledger.</summary>
    /// <remarks>A power cut does not bring them back.</remarks>
    public static void Drop(string folder, string intent)
    {
        Delete(folder, intent);
        if (Directory.Exists(folder))
        {
            FolderSync.Sync(folder);
            CrashPoint.Hit("spool.drop.after");
        }
    }

    /// <summary>Returns the intents that have a file in a folder.</summary>
    public static IEnumerable<string> In(string folder) =>
        Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder).Where(f => f.EndsWith(Lines, StringComparison.Ordinal) || f.EndsWith(Note, StringComparison.Ordinal)).Select(f => Path.GetFileNameWithoutExtension(f)!).Distinct()
            : [];

    /// <summary>Tells whether a spool has both its lines and the note how it is sent.</summary>
    public static bool IsComplete(string folder, string intent) => File.Exists(PathOf(folder, intent)) && File.Exists(Path.Combine(folder, intent + Note));

    /// <summary>Writes how a complete spool is sent, synced to disk with the names of both files; a spool without it was never sent.</summary>
    internal static void Describe(string folder, Intent intent, int count, long bytes, uint checksum, bool storesRequests = false, BatchTerms? terms = null)
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
            writer.WriteNumber("crc32c", checksum);
            writer.WriteBoolean("store_requests", storesRequests);
            writer.WriteBoolean("adopted", intent.IsAdopted);
            Write(writer, terms ?? BatchTerms.Default);
            writer.WriteString("created", intent.CreatedAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
            writer.WriteEndObject();
        }

        using (var file = PrivateFiles.Create(Path.Combine(folder, intent.Id + Note)))
        {
            file.Write(buffer.ToArray());
            file.Flush(flushToDisk: true);
        }

        CrashPoint.Hit("spool.folder.before");
        FolderSync.Sync(folder);
    }

    /// <summary>Says what is wrong with an intent's lines, or null when they are those that were written.</summary>
    /// <exception cref="FormatException">The description is damaged.</exception>
    internal static string? Check(string folder, Intent intent)
    {
        var path = PathOf(folder, intent.Id);
        if (!File.Exists(path))
        {
            return $"the spool {path} is gone";
        }

        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
        if (file.Length != intent.Bytes)
        {
            return $"the spool {path} has {file.Length} bytes instead of {intent.Bytes}";
        }

        using var note = ReadNote(folder, intent.Id);
        if (note is null || !note.RootElement.TryGetProperty("crc32c", out var expected))
        {
            return null;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        var state = Checksum.Start;
        for (int read; (read = file.Read(buffer)) > 0;)
        {
            state = Checksum.Append(state, buffer.AsSpan(0, read));
        }

        ArrayPool<byte>.Shared.Return(buffer);
        return expected.ValueKind == JsonValueKind.Number && expected.TryGetUInt32(out var written) && Checksum.Finish(state) == written ? null : $"the spool {path} is not what was written: its checksum differs";
    }

    /// <summary>Tells whether request bodies are to be stored with a batch's answers; a description that is damaged asks for nothing.</summary>
    internal static bool StoresRequests(string folder, string intent)
    {
        try
        {
            using var note = ReadNote(folder, intent);
            return note?.RootElement.TryGetProperty("store_requests", out var stores) == true && stores.ValueKind == JsonValueKind.True;
        }
        catch (FormatException)
        {
            // `doctor` names it. The answers matter more than the bodies beside them.
            return false;
        }
    }

    /// <summary>Returns the key that a line of a spool answers to.</summary>
    /// <exception cref="FormatException">The line is none of ours.</exception>
    internal static RequestKey KeyOf(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            reader.Read();
            while (JsonSlice.NextMember(ref reader))
            {
                var isId = reader.ValueTextEquals("custom_id"u8);
                reader.Read();
                if (isId && CustomId.TryParse(reader.ValueSpan, out _, out var key))
                {
                    return key;
                }

                reader.Skip();
            }
        }
        catch (JsonException error)
        {
            throw new FormatException($"a line of the spool is no JSON: {error.Message}", error);
        }

        throw new FormatException("a line of the spool has no custom_id of ours");
    }

    /// <summary>Reads how a spool is sent: an intent that is in no ledger; null when the spool was never complete.</summary>
    /// <exception cref="FormatException">The description is damaged.</exception>
    public static Intent? Read(string folder, string intent)
    {
        using var document = ReadNote(folder, intent);
        if (document is null)
        {
            return null;
        }

        try
        {
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
                IsAdopted = root.TryGetProperty("adopted", out var adopted) && adopted.GetBoolean(),
                IsRestored = true,
                Terms = ReadTerms(root),
            };
        }
        catch (Exception error) when (error is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new FormatException($"the description of spool {intent} is damaged: {error.Message}", error);
        }
    }

    private static void Write(Utf8JsonWriter writer, BatchTerms terms)
    {
        if (terms.LostAfter is { } wait)
        {
            writer.WriteNumber("lost_after_seconds", wait.TotalSeconds);
        }

        writer.WriteBoolean("usual_wait", terms.HasUsualWait);
        writer.WriteBoolean("delete_files", terms.DeletesFiles);
        writer.WriteNumber("max_attempts", terms.MaxAttempts);
    }

    /// <summary>Reads the terms of a batch; earlier releases wrote none.</summary>
    private static BatchTerms ReadTerms(JsonElement root) => new()
    {
        LostAfter = root.TryGetProperty("lost_after_seconds", out var wait) ? TimeSpan.FromSeconds(Math.Clamp(wait.GetDouble(), 0, 86_400)) : null,
        HasUsualWait = !root.TryGetProperty("usual_wait", out var usual) || usual.GetBoolean(),
        DeletesFiles = root.TryGetProperty("delete_files", out var delete) && delete.GetBoolean(),
        MaxAttempts = root.TryGetProperty("max_attempts", out var most) ? most.GetInt32() : BatchTerms.Default.MaxAttempts,
    };

    private static JsonDocument? ReadNote(string folder, string intent)
    {
        try
        {
            var note = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, intent + Note)));
            if (note.RootElement.ValueKind == JsonValueKind.Object)
            {
                return note;
            }

            note.Dispose();
            throw new FormatException($"the description of spool {intent} is damaged: it is no object");
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException error)
        {
            throw new FormatException($"the description of spool {intent} is damaged: {error.Message}", error);
        }
    }
}
