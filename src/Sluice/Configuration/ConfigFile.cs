using System.Buffers;
using System.Text;

namespace Sluice.Configuration;

/// <summary>Reads a config file, which is UTF-8 and small.</summary>
internal static class ConfigFile
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads the mapping that a file holds.</summary>
    /// <exception cref="ConfigException">It cannot be read, or holds something else.</exception>
    public static ConfigMapping Read(string file, string currentDirectory)
    {
        return YamlReader.Read(ReadText(Path.GetFullPath(file, currentDirectory), file), file) switch
        {
            ConfigMapping mapping => mapping,
            var other => throw new ConfigException(ConfigErrorKind.Yaml, other.Mark, $"expected keys and values, found {Say.Found(other)}"),
        };
    }

    /// <summary>Reads a file's text.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="file">How messages name it.</param>
    /// <exception cref="ConfigException">It cannot be read, is no UTF-8, or is too large.</exception>
    public static string ReadText(string path, string file)
    {
        var start = new SourceMark(file, 1, 1);
        try
        {
            return Text(path, start);
        }
        catch (DecoderFallbackException)
        {
            throw new ConfigException(ConfigErrorKind.Yaml, start, "is not UTF-8 text");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException(ConfigErrorKind.Yaml, start, "cannot be read: " + exception.Message);
        }
    }

    private static string Text(string path, SourceMark start)
    {
        RequireRegular(path, start);
        // Not ReadAllText: a device has no length and may never end.
        using FileStream stream = File.OpenRead(path);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ConfigLimits.FileBytes + 1);
        try
        {
            int length = stream.ReadAtLeast(buffer, ConfigLimits.FileBytes + 1, throwOnEndOfStream: false);
            return length > ConfigLimits.FileBytes
                ? throw new ConfigException(ConfigErrorKind.Yaml, start, "larger than 1 MiB",
                    "a config only describes the experiment; data goes into the dataset")
                : Utf8.GetString(buffer, 0, length).TrimStart('\uFEFF');
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Refuses a pipe, which would be waited for.</summary>
    private static void RequireRegular(string path, SourceMark start)
    {
        string target = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        if (new FileInfo(target).Length > 0)
        {
            return;
        }

        // Opened for writing too, a pipe is there at once; unlike an empty file it has no places to go to.
        using var stream = new FileStream(target, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        if (!stream.CanSeek)
        {
            throw new ConfigException(ConfigErrorKind.Yaml, start, "is no regular file");
        }
    }
}
