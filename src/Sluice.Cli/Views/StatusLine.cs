namespace Sluice.Cli.Views;

/// <summary>A moving line on a terminal and lasting lines above it; elsewhere a sign of life every half minute when nothing else is said. For one thread at a time.</summary>
internal sealed class StatusLine(bool quiet, TimeProvider time)
{
    private static readonly TimeSpan SignOfLife = TimeSpan.FromSeconds(30);

    private long _lastLine = time.GetTimestamp();
    private bool _isDrawn;

    /// <summary>Prints a line that stays.</summary>
    public void Say(string line)
    {
        if (!quiet)
        {
            Erase();
            Terminal.Line(line);
            _lastLine = time.GetTimestamp();
        }
    }

    /// <summary>Shows how it stands, where somebody is looking, or nothing has been said for long.</summary>
    public void Show(Func<string> status)
    {
        if (quiet)
        {
            return;
        }

        if (Terminal.IsWatched)
        {
            var width = Math.Max(20, Terminal.Log.Profile.Width - 1);
            var text = status();
            Console.Error.Write("\r\e[2K" + (text.Length > width ? text[..width] : text));
            _isDrawn = true;
        }
        else if (time.GetElapsedTime(_lastLine) > SignOfLife)
        {
            Say(status());
        }
    }

    /// <summary>Makes room for something else on the terminal.</summary>
    public void Erase()
    {
        if (_isDrawn)
        {
            Console.Error.Write("\r\e[2K");
            _isDrawn = false;
        }
    }
}
