using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Memory;
using Sluice.Recovery;
using Sluice.Requests;

namespace Sluice.Sweeps;

/// <summary>Before the first request of an experiment goes on its way, makes sure that the cache has the answers which the finished results rest on.</summary>
/// <remarks>Only then: an experiment whose requests are all answered has lost nothing, and its results are not read.</remarks>
/// <param name="dispatcher">What takes the requests.</param>
/// <param name="sweep">The sweep.</param>
/// <param name="path">The experiment's results.</param>
/// <param name="cache">The cache.</param>
internal sealed class ResultsGuard(IDispatcher dispatcher, string sweep, string path, IResponseCache cache) : IDispatcher
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
            look = _look ??= RequireAsync(cancellationToken);
        }

        await look.ConfigureAwait(false);
        return await dispatcher.DispatchAsync(request, tally, cancellationToken).ConfigureAwait(false);
    }

    private async Task RequireAsync(CancellationToken cancellationToken)
    {
        if (await FinishedKeys.CountLostAsync(path, cache, isExact: true, cancellationToken).ConfigureAwait(false) is var lost and > 0)
        {
            var loss = LostResults.OfResults(sweep, lost);
            throw new SluiceException(ErrorKind.Environment, loss.Problem, loss.Remedy);
        }
    }
}
