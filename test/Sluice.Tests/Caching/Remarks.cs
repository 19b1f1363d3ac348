namespace Sluice.Tests.Caching;

/// <summary>Hears what a cache remarks; a test can wait for a word.</summary>
internal sealed class Remarks
{
    private readonly Lock _lock = new();
    private readonly List<string> _all = [];
    private readonly List<(string Part, TaskCompletionSource Said)> _awaited = [];

    public IReadOnlyList<string> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _all];
            }
        }
    }

    public void Add(string remark)
    {
        lock (_lock)
        {
            _all.Add(remark);
            foreach (var (part, said) in _awaited)
            {
                if (remark.Contains(part, StringComparison.Ordinal))
                {
                    said.TrySetResult();
                }
            }
        }
    }

    /// <summary>Ends when something with these words has been said.</summary>
    public Task SaidAsync(string part)
    {
        lock (_lock)
        {
            var said = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _awaited.Add((part, said));
            if (_all.Exists(r => r.Contains(part, StringComparison.Ordinal)))
            {
                said.SetResult();
            }

            return said.Task.WaitAsync(TestContext.Current.CancellationToken);
        }
    }
}
