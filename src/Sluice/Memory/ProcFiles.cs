using System.Globalization;

namespace Sluice.Memory;

/// <summary>Reads the small files of /proc and /sys below a root folder, and never fails.</summary>
/// <remarks>
/// A file can be missing, unreadable, empty or nonsense at any moment; what cannot be had is null, and a note says so when it
/// should have been there. Each reading opens the file anew.
/// </remarks>
internal sealed class ProcFiles(string root, List<string> notes)
{
    // The real files are far smaller; a mount table can be long, so it is read by lines with a cap of its own.
    private const int MaxBytes = 16 * 1024 * 1024;

    public void Note(string text)
    {
        if (!notes.Contains(text))
        {
            notes.Add(text);
        }
    }

    public bool FolderExists(string path) => Directory.Exists(Real(path));

    public bool FileExists(string path) => File.Exists(Real(path));

    /// <summary>Returns the lines of a file; none when it cannot be read.</summary>
    public string[] ReadLines(string path) => ReadText(path)?.Split('\n', StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>Returns the text of a file; null when it is missing or cannot be read, with a note in the second case.</summary>
    /// <param name="path">The file.</param>
    /// <param name="isOptional">Whether nobody misses it: then there is no note either.</param>
    public string? ReadText(string path, bool isOptional = false)
    {
        try
        {
            using var file = new FileStream(Real(path), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            using var text = new MemoryStream();
            Span<byte> buffer = stackalloc byte[4096];
            while (text.Length < MaxBytes && file.Read(buffer) is > 0 and var read)
            {
                text.Write(buffer[..read]);
            }

            return System.Text.Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (!isOptional)
            {
                Note($"{path} cannot be read: {error.Message.Replace(Real(path), path, StringComparison.Ordinal)}");
            }

            return null;
        }
    }

    /// <summary>Returns the number that a file holds; null when it holds none, <c>max</c> included.</summary>
    public long? ReadNumber(string path)
    {
        string? text = ReadText(path)?.Trim();
        if (text is null or "max")
        {
            return null;
        }

        long? number = ParseNumber(text);
        if (number is null)
        {
            Note($"{path} holds no number");
        }

        return number;
    }

    /// <summary>Returns a table of lines that are a key, a blank or colon, and a number.</summary>
    public Dictionary<string, long> ReadTable(string path)
    {
        var table = new Dictionary<string, long>(StringComparer.Ordinal);
        Span<Range> parts = stackalloc Range[3];
        foreach (ReadOnlySpan<char> line in ReadText(path).AsSpan().EnumerateLines())
        {
            int count = line.SplitAny(parts, [' ', '\t', ':'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (count >= 2 && ParseNumber(line[parts[1]]) is { } number)
            {
                table[line[parts[0]].ToString()] = count == 3 && line[parts[2]] is "kB" ? Kibibytes(number) : number;
            }
        }

        return table;
    }

    // A number beyond what a long holds is as good as the largest.
    private static long? ParseNumber(ReadOnlySpan<char> text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            ? (long)Math.Min(number, long.MaxValue)
            : text.Length > 19 && text.IndexOfAnyExceptInRange('0', '9') < 0 ? long.MaxValue : null;

    private static long Kibibytes(long number) => number > long.MaxValue / 1024 ? long.MaxValue : number * 1024;

    private string Real(string path) => root.TrimEnd('/') + path;
}
