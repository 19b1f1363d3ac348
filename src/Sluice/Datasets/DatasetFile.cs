using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Sluice.Datasets;

/// <summary>Opens a dataset's file, plain or compressed, and words what can go wrong with it.</summary>
internal static class DatasetFile
{
    private const int BlockSize = 64 * 1024;

    // 2^27 = 128 MiB is what the zstd command accepts without being asked; a hostile frame could ask for gigabytes.
    private const int MaxWindowLog = 27;

    /// <summary>Opens the file for one pass from start to end; messages call it what it is.</summary>
    public static Stream OpenSequential(string path, DatasetCompression compression, string kind = "dataset")
    {
        FileStream file = OpenFile(path, FileOptions.SequentialScan, compression == DatasetCompression.None ? 0 : BlockSize, kind);
        if (compression == DatasetCompression.None)
        {
            return file;
        }

        if (file.CanSeek && file.Length == 0)
        {
            file.Dispose();
            throw Truncated(path, compression, kind, inner: null);
        }

        return compression == DatasetCompression.Gzip ? new GzipFileStream(file) : Zstandard(file);
    }

    /// <summary>Opens the file for reading at any place; a compressed one is unpacked into a temporary file that nobody else sees.</summary>
    public static async Task<Stream> OpenSeekableAsync(string path, DatasetCompression compression, CancellationToken cancellationToken, string kind = "dataset")
    {
        if (compression == DatasetCompression.None)
        {
            return OpenFile(path, FileOptions.RandomAccess, BlockSize, kind);
        }

        Stream unpacked = OpenSequential(path, compression, kind);
        await using (unpacked.ConfigureAwait(false))
        {
            FileStream spool = CreateTemporary();
            try
            {
                await unpacked.CopyToAsync(spool, BlockSize, cancellationToken).ConfigureAwait(false);
                spool.Position = 0;
                return spool;
            }
            catch
            {
                await spool.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>Turns an error met while reading into one for people; null when it is not about the file.</summary>
    public static SluiceException? Explain(Exception error, string path, DatasetCompression compression, string kind = "dataset") => error switch
    {
        EndOfStreamException when compression != DatasetCompression.None => Truncated(path, compression, kind, error),
        InvalidDataException when compression == DatasetCompression.Gzip => Damaged(path, "gzip", kind, error),
        ZstdException { Code: ZSTD_ErrorCode.ZSTD_error_frameParameter_windowTooLarge } => new SluiceException(
            ErrorKind.Usage,
            $"{kind} {path}: its zstd window is larger than {1 << (MaxWindowLog - 20)} MiB",
            "compress it again without --long or --ultra",
            error),
        ZstdException => Damaged(path, "zstd", kind, error),
        IOException or UnauthorizedAccessException => new SluiceException(
            ErrorKind.Environment, $"{kind} {path} cannot be read: {error.Message}", inner: error),
        _ => null,
    };

    private static DecompressionStream Zstandard(FileStream file)
    {
        var stream = new DecompressionStream(file, leaveOpen: false);
        stream.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxWindowLog);
        return stream;
    }

    private static FileStream OpenFile(string path, FileOptions options, int bufferSize, string kind)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize, options);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SluiceException(ErrorKind.Usage, $"{kind} {path} does not exist", Neighbour(path), error);
        }
        catch (UnauthorizedAccessException error) when (Directory.Exists(path))
        {
            throw new SluiceException(ErrorKind.Usage, $"{kind} {path} is a folder", "name one file in it", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new SluiceException(
                ErrorKind.Environment, $"{kind} {path} cannot be read: permission denied", "check the file's owner and mode", error);
        }
        catch (IOException error)
        {
            throw new SluiceException(ErrorKind.Environment, $"{kind} {path} cannot be opened: {error.Message}", inner: error);
        }
    }

    private static string Neighbour(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            return $"the folder {folder} does not exist either";
        }

        try
        {
            string? nearest = NearestName.Of(Path.GetFileName(path), Directory.EnumerateFiles(folder).Select(static f => Path.GetFileName(f)).Take(1000));
            return nearest is null ? "a relative path is looked up from the current folder" : $"did you mean {nearest} in the same folder?";
        }
        catch (UnauthorizedAccessException)
        {
            return $"the folder {folder} cannot be listed, so no similar name is proposed";
        }
    }

    private static FileStream CreateTemporary()
    {
        string path = Path.Combine(Path.GetTempPath(), $"sluice-{Path.GetRandomFileName()}.parquet");
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            BufferSize = BlockSize,
            Options = FileOptions.DeleteOnClose,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        var file = new FileStream(path, options);
        if (!OperatingSystem.IsWindows())
        {
            // The name goes at once and the space with the last handle, so that even a killed process leaves nothing behind.
            File.Delete(path);
        }

        return file;
    }

    private static SluiceException Truncated(string path, DatasetCompression compression, string kind, Exception? inner) => new(
        ErrorKind.Usage,
        $"{kind} {path} is cut off: its {(compression == DatasetCompression.Gzip ? "gzip" : "zstd")} data ends too early",
        "copy or download it again",
        inner);

    private static SluiceException Damaged(string path, string format, string kind, Exception inner) => new(
        ErrorKind.Usage,
        $"{kind} {path} is damaged or no {format} file: {inner.Message}",
        "copy or download it again",
        inner);
}
