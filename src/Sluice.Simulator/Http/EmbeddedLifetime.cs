using Microsoft.Extensions.Hosting;

namespace Sluice.Simulator.Http;

/// <summary>Leaves signals to the program that the server runs in; the default would take Ctrl+C for itself.</summary>
internal sealed class EmbeddedLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
