namespace Sluice.Journeys;

/// <summary>Waits for conditions that another process brings about.</summary>
internal static class Poll
{
    public static async Task UntilAsync(Func<bool> isSo, Func<string>? complaint = null)
    {
        for (var attempt = 0; attempt < 6000; attempt++)
        {
            if (isSo())
            {
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
        }

        throw new TimeoutException(complaint?.Invoke() ?? "what was waited for did not happen");
    }
}
