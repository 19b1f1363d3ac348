namespace Sluice.Cli.Views;

/// <summary>Shows on stderr how far long work is: a moving line on a terminal, elsewhere a sign of life every 30 seconds.</summary>
internal sealed class CountProgress(string what, bool quiet) : IDisposable
{
    private static readonly TimeSpan Watched = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Elsewhere = TimeSpan.FromSeconds(30);

    private long _last = TimeProvider.System.GetTimestamp();
    private bool _isDrawn;

    /// <summary>Takes note of how many have been done.</summary>
    public void Report(long count)
    {
        if (quiet || TimeProvider.System.GetElapsedTime(_last) < (Terminal.IsWatched ? Watched : Elsewhere))
        {
            return;
        }

        _last = TimeProvider.System.GetTimestamp();
        var text = $"{what}: {Numbers.Of(count, "response")}";
        if (Terminal.IsWatched)
        {
            Console.Error.Write($"\r{text}\e[K");
            _isDrawn = true;
        }
        else
        {
            Terminal.Line(text);
        }
    }

    /// <summary>Makes room for something else on the terminal.</summary>
    public void Clear()
    {
        if (_isDrawn)
        {
            Console.Error.Write("\r\e[K");
            _isDrawn = false;
        }
    }

    public void Dispose() => Clear();
}
