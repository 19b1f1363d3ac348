using Sluice.Dispatch;
using Sluice.Memory;
using Sluice.Requests;

namespace Sluice.Sweeps;

/// <summary>Before the first request of an experiment goes on its way, makes sure that the cache has the answers which the finished results rest on.</summary>
/// <remarks>Only then: an experiment whose requests are all answered has lost nothing, and its results are not read.</remarks>
/// <param name="dispatcher">What takes the requests.</param>
/// <param name="require">Looks, and throws when answers are lost.</param>
internal sealed class ResultsGuard(IDispatcher dispatcher, Func<CancellationToken, Task> require) : IDispatcher
{
    private readonly Lock _gate = new();
    private Task? _look;

    /// <inheritdoc/>
    public Intake Intake => dispatcher.Intake;

    /// <inheritdoc/>
    public int SamplesInFlight(DispatchTally tally) => dispatcher.SamplesInFlight(tally);

    /// <inheritdoc/>
    /// <exception cref="SluiceException">The cache has lost answers: nothing of this experiment is sent.</exception>
    public ValueTask<DispatchResult> DispatchAsync(Request request, DispatchTally tally, CancellationToken cancellationToken = default) =>
        _look is { IsCompletedSuccessfully: true } ? dispatcher.DispatchAsync(request, tally, cancellationToken) : LookFirstAsync(request, tally, cancellationToken);

    private async ValueTask<DispatchResult> LookFirstAsync(Request request, DispatchTally tally, CancellationToken cancellationToken)
    {
        Task look;
        lock (_gate)
        {
            // Elsewhere: all results are read, and those who wait for the lock would stand still.
            look = _look ??= Task.Run(() => require(cancellationToken), cancellationToken);
        }

        await look.ConfigureAwait(false);
        return await dispatcher.DispatchAsync(request, tally, cancellationToken).ConfigureAwait(false);
    }
}
