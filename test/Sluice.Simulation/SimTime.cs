namespace Sluice.Simulation;

/// <summary>The clock as one process sees it. Its timers fire on time, or a little late, as the process's coarseness says.</summary>
internal sealed class SimTime(World world, SimProcess process) : TimeProvider
{
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        world.Step();
        return world.Now + world.ClockIsOff;
    }

    public override long GetTimestamp() => world.Now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        world.Step();
        var timer = new Timer(world, process, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(World world, SimProcess process, Action callback) : ITimer
    {
        private int _version;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var version = ++_version;
            if (dueTime >= TimeSpan.Zero)
            {
                // Late timers are coarse steps through idle times: hours pass in few of them.
                var coarse = process.Coarseness.Ticks;
                var due = (world.Now + dueTime).Ticks;
                // A timer that was set anew or given up happens no more, and costs no round of waiting: each HTTP call leaves one.
                world.At(new DateTimeOffset((due + coarse - 1) / coarse * coarse, TimeSpan.Zero), process, () => process.Do(callback), () => version == _version);
            }

            return true;
        }

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
