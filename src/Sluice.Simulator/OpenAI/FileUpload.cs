using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Sluice.Simulator.Http;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>Receives a multipart upload; the file goes to disk as it comes.</summary>
internal sealed class FileUpload
{
    private const int MostFieldBytes = 4096;

    public ApiError? Error { get; private set; }

    public string Filename { get; private set; } = "";

    public string Purpose { get; private set; } = "";

    /// <summary>Gets the seconds the file is to live, or null when the client did not say.</summary>
    public long? Lifetime { get; private set; }

    public long Bytes { get; private set; } = -1;

    public static async Task<FileUpload> ReceiveAsync(HttpRequest request, string path, SimulatorLimits limits, CancellationToken cancellationToken)
    {
        var upload = new FileUpload();
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || HeaderUtilities.RemoveQuotes(type.Boundary) is not { Length: > 0 } boundary)
        {
            upload.Error = ApiError.Invalid("The request must be multipart/form-data with a boundary.");
            return upload;
        }

        try
        {
            await upload.ReadAsync(new MultipartReader(boundary.ToString(), request.Body, FileCopy.BufferSize), path, limits, cancellationToken)
                .ConfigureAwait(false);
            upload.Error ??= upload.Check(limits);
        }
        catch (InvalidDataException error)
        {
            upload.Error = ApiError.Invalid("The multipart body cannot be read: " + error.Message);
        }

        return upload;
    }

    private async Task ReadAsync(MultipartReader reader, string path, SimulatorLimits limits, CancellationToken cancellationToken)
    {
        while (await reader.ReadNextSectionAsync(cancellationToken).ConfigureAwait(false) is { } section)
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition))
            {
                continue;
            }

            switch (HeaderUtilities.RemoveQuotes(disposition.Name).ToString())
            {
                case "file":
                    var name = disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName;
                    Filename = HeaderUtilities.RemoveQuotes(name).ToString();
                    Bytes = await SaveAsync(section.Body, path, limits.OpenAIBytesPerFile, cancellationToken).ConfigureAwait(false);
                    break;
                case "purpose":
                    Purpose = await ReadFieldAsync(section.Body, cancellationToken).ConfigureAwait(false);
                    break;
                case "expires_after[seconds]":
                    TakeLifetime(await ReadFieldAsync(section.Body, cancellationToken).ConfigureAwait(false));
                    break;
                default:
                    break;
            }
        }
    }

    private void TakeLifetime(string text)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds is >= 3600 and <= 2_592_000)
        {
            Lifetime = seconds;
        }
        else
        {
            Error = ApiError.Invalid("Invalid 'expires_after.seconds': expected an integer between 3600 and 2592000.", null, "expires_after.seconds");
        }
    }

    private ApiError? Check(SimulatorLimits limits)
    {
        if (Bytes < 0)
        {
            return ApiError.Invalid("'file' is a required property");
        }

        if (Purpose.Length == 0)
        {
            return ApiError.Invalid("'purpose' is a required property");
        }

        if (Bytes > limits.OpenAIBytesPerFile || (Purpose == "batch" && Bytes > limits.OpenAIBytesPerBatch))
        {
            return ApiError.Invalid("File is too large.");
        }

        return Purpose == "batch" && !Filename.EndsWith(".jsonl", StringComparison.Ordinal)
            ? ApiError.Invalid("Invalid file format for Batch API. Must be .jsonl")
            : null;
    }

    /// <summary>Saves the stream; past the limit it is only counted, so that the client can finish sending and read the refusal.</summary>
    private static async Task<long> SaveAsync(Stream source, string path, long limit, CancellationToken cancellationToken)
    {
        var target = DataFiles.Create(path);
        await using var closing = target.ConfigureAwait(false);
        var buffer = ArrayPool<byte>.Shared.Rent(FileCopy.BufferSize);
        try
        {
            long total = 0;
            var filled = 0;
            while (true)
            {
                var read = await source.ReadAsync(buffer.AsMemory(filled), cancellationToken).ConfigureAwait(false);
                filled += read;
                total += read;
                if ((read == 0 || filled == buffer.Length) && total <= limit)
                {
                    await target.WriteAsync(buffer.AsMemory(0, filled), cancellationToken).ConfigureAwait(false);
                }

                if (read == 0)
                {
                    return total;
                }

                filled = filled == buffer.Length ? 0 : filled;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<string> ReadFieldAsync(Stream body, CancellationToken cancellationToken)
    {
        var buffer = new byte[MostFieldBytes];
        var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return Encoding.UTF8.GetString(buffer, 0, length).Trim();
    }
}
