using Sluice.Experiments;
using Sluice.Simulator;
using Sluice.Storage;
using Sluice.Sweeps;

namespace Sluice.Cli;

/// <summary>The simulator behind <c>provider: simulated</c>: started by the first request that goes to it, so that a sweep with all its answers starts none.</summary>
internal sealed class InProcessSimulator(Workspace workspace, HttpMessageHandler http) : DelegatingHandler(http)
{
    /// <summary>The address that requests name; the port is known once the simulator listens.</summary>
    public static readonly Uri Address = new("http://127.0.0.1");

    private readonly SemaphoreSlim _starting = new(1);
    private RehearsalOptions _options = new();
    private FaultScript? _faults;
    private SimulatorServer? _server;

    /// <summary>Sets how the simulator will behave; before the first request.</summary>
    /// <exception cref="SluiceException">The fault script cannot be read.</exception>
    public async Task SetUpAsync(RehearsalOptions options, CancellationToken cancellationToken)
    {
        _options = options;
        try
        {
            _faults = options.Faults is null ? null : await FaultScript.LoadAsync(options.Faults, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (IsUsersToMend(error))
        {
            throw CannotStart(error);
        }
    }

    /// <summary>Stops the simulator, if it was started.</summary>
    public async ValueTask StopAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var server = _server ?? await StartAsync(cancellationToken).ConfigureAwait(false);
        request.RequestUri = new Uri(server.Address, request.RequestUri!.PathAndQuery);
        return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _starting.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task<SimulatorServer> StartAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            workspace.Prepare();
            return _server ??= await SimulatorServer.StartAsync(
                new SimulatorOptions
                {
                    Folder = workspace.SimulatorFolder,
                    RecordingsPath = _options.Recordings,
                    Faults = _faults,
                    BatchDelay = TimeSpan.FromSeconds(_options.BatchDelaySeconds),
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (IsUsersToMend(error))
        {
            throw CannotStart(error);
        }
        finally
        {
            _starting.Release();
        }
    }

    private static bool IsUsersToMend(Exception error) => error is IOException or InvalidDataException or FormatException or UnauthorizedAccessException;

    private static SluiceException CannotStart(Exception error) =>
        DiskTrouble.Explain(error) ?? new(ErrorKind.Usage, $"the simulator cannot start: {error.Message}", "mend the `simulator` section of the config, or check the workspace folder", error);
}
