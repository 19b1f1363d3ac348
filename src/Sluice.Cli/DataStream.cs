using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Cli;

/// <summary>Lines of data on stdout, each of which is seen at once, and an end when nobody reads any more, as after <c>| head</c>.</summary>
/// <remarks>.NET's own stream for stdout passes over a closed pipe in silence, and a long listing would go on for nobody.</remarks>
internal sealed class DataStream : IDisposable
{
    // EPIPE, which .NET hands on as it is; Linux and macOS have the same number.
    private const int BrokenPipe = 32;

    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ArrayBufferWriter<byte> _line = new();

    public DataStream() => Stream = Open();

    /// <summary>Gets stdout.</summary>
    public Stream Stream { get; }

    /// <summary>Runs a command that writes to stdout; a closed pipe ends it well, a signal without further words.</summary>
    public static async Task<int> RunAsync(Func<DataStream, Task<int>> run, CancellationToken cancellationToken)
    {
        using var output = new DataStream();
        try
        {
            return await run(output).ConfigureAwait(false);
        }
        catch (IOException error) when (error.HResult == BrokenPipe)
        {
            return ExitCodes.Done;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCodes.Interrupted;
        }
    }

    /// <summary>Writes a line of text; control characters of foreign text become spaces.</summary>
    public void Line(string text)
    {
        Encoding.UTF8.GetBytes(Terminal.Clean(text), _line);
        Flush();
    }

    /// <summary>Writes an object as one line.</summary>
    public void Json(Action<Utf8JsonWriter> write)
    {
        using (var writer = new Utf8JsonWriter(_line, Readable))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        Flush();
    }

    /// <summary>Writes a line that somebody else words.</summary>
    public void Raw(Action<IBufferWriter<byte>> write)
    {
        write(_line);
        Flush();
    }

    public void Dispose() => Stream.Dispose();

    private void Flush()
    {
        _line.Write("\n"u8);
        Stream.Write(_line.WrittenSpan);
        _line.ResetWrittenCount();
    }

    private static Stream Open()
    {
        if (!OperatingSystem.IsWindows())
        {
            var pipe = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            // Into a file it would write at places of its own, and whatever else writes there would overwrite it.
            if (!pipe.CanSeek)
            {
                return pipe;
            }
        }

        return Console.OpenStandardOutput();
    }
}
