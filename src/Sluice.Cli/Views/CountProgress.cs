namespace Sluice.Cli.Views;

/// <summary>Shows on stderr how far long work is.</summary>
internal sealed class CountProgress(string what, bool quiet) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly StatusLine _line = new(quiet, TimeProvider.System);
    private long _last = TimeProvider.System.GetTimestamp();

    /// <summary>Takes note of how many have been done.</summary>
    public void Report(long count)
    {
        if (TimeProvider.System.GetElapsedTime(_last) >= Interval)
        {
            _last = TimeProvider.System.GetTimestamp();
            _line.Show(() => $"{what}: {Numbers.Of(count, "response")}");
        }
    }

    /// <summary>Makes room for something else on the terminal.</summary>
    public void Clear() => _line.Erase();

    public void Dispose() => Clear();
}
