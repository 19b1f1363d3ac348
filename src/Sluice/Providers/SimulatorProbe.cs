namespace Sluice.Providers;

/// <summary>Asks an address whether the simulator listens there: before the first key is made, since rehearsed requests have keys of their own.</summary>
internal static class SimulatorProbe
{
    /// <summary>How long an address may take. The simulator is on this machine, which may be busy; what is further away is a provider, or a gateway to one.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PatienceHere = TimeSpan.FromSeconds(30);

    /// <summary>Returns whether the simulator answers; null when nobody does. One GET without a key, of a path that providers do not have.</summary>
    public static async Task<bool?> AskAsync(ProviderEnvironment environment, string address, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(new Uri(address).IsLoopback ? PatienceHere : Patience, environment.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{address}/_sim/health");
        try
        {
            using var response = await environment.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            return ProviderHttp.IsRehearsal(response.Headers);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
