using System.Text;

namespace Sluice.Cli;

/// <summary>Writes for people who may have gone: a terminal that was closed (EIO), or a full disk below a log, does not end the work that it told of.</summary>
internal sealed class ForgivingWriter(TextWriter inner) : TextWriter
{
    /// <inheritdoc/>
    public override Encoding Encoding => inner.Encoding;

    /// <summary>Makes stderr, and stdout where it is a terminal, forgiving. Data that goes into a file or a pipe is not lost in silence.</summary>
    public static void Install()
    {
        Console.SetError(Synchronized(new ForgivingWriter(Console.Error)));
        if (!Console.IsOutputRedirected)
        {
            Console.SetOut(Synchronized(new ForgivingWriter(Console.Out)));
        }
    }

    /// <inheritdoc/>
    public override void Write(char value) => Try(() => inner.Write(value));

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    /// <inheritdoc/>
    public override void Write(string? value) => Try(() => inner.Write(value));

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    /// <inheritdoc/>
    public override void Flush() => Try(inner.Flush);

    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (IOException)
        {
            // Nobody is there to be told, and this is where it would be told.
        }
    }
}
