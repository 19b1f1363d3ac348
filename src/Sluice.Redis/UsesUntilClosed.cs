namespace Sluice.Caching;

/// <summary>Lets those who have begun finish before something is closed, and nobody begin afterwards.</summary>
internal sealed class UsesUntilClosed
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _uses;
    private bool _isClosed;

    /// <summary>Begins a use; it ends when the result is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public Use Begin()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            _uses++;
            return new Use(this);
        }
    }

    /// <summary>Closes it once the last use has ended.</summary>
    public Task CloseAsync()
    {
        lock (_gate)
        {
            _isClosed = true;
            return _uses == 0 ? Task.CompletedTask : _idle.Task;
        }
    }

    private void End()
    {
        lock (_gate)
        {
            if (--_uses == 0 && _isClosed)
            {
                _idle.SetResult();
            }
        }
    }

    /// <summary>One use.</summary>
    internal readonly struct Use(UsesUntilClosed uses) : IDisposable
    {
        public void Dispose() => uses.End();
    }
}
