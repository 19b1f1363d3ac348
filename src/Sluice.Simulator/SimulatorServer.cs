using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Sluice.Simulator.Anthropic;
using Sluice.Simulator.Http;
using Sluice.Simulator.OpenAI;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator;

/// <summary>An HTTP server on this machine that speaks the live and Batch APIs of OpenAI and Anthropic.</summary>
/// <remarks>
/// OpenAI clients use <see cref="Address"/> + <c>/v1</c> as base URL, Anthropic clients <see cref="Address"/> itself.
/// Disposing stops the server; unfinished batches go on when one is started again on the same folder.
/// </remarks>
public sealed class SimulatorServer : IAsyncDisposable
{
    /// <summary>The header that every answer of the simulator bears, with the value <c>1</c>; <c>provider</c> when it plays one.</summary>
    public const string MarkHeader = "x-sluice-simulator";

    private readonly WebApplication _web;
    private readonly SimulatorCore _core;

    private SimulatorServer(WebApplication web, SimulatorCore core, Uri address)
    {
        _web = web;
        _core = core;
        Address = address;
    }

    /// <summary>Gets where the server listens, for example <c>http://127.0.0.1:8080</c>.</summary>
    public Uri Address { get; }

    /// <summary>Gets the counters as they are now.</summary>
    public SimulatorStats Stats => _core.Stats.Read();

    /// <summary>Returns all batches of both providers, oldest first.</summary>
    public IReadOnlyList<SimulatedBatch> Batches() => _core.Batches();

    /// <summary>Starts a server.</summary>
    /// <exception cref="IOException">The port is in use, or the folder cannot be written.</exception>
    /// <exception cref="InvalidDataException">The recordings or a file in the folder cannot be read.</exception>
    public static async Task<SimulatorServer> StartAsync(SimulatorOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        DataFiles.CreateFolder(options.Folder);
        var core = await SimulatorCore.OpenAsync(options, cancellationToken).ConfigureAwait(false);
        var web = Build(core);
        try
        {
            await web.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            await web.DisposeAsync().ConfigureAwait(false);
            await core.DisposeAsync().ConfigureAwait(false);
            if (error is IOException && options.Port != 0)
            {
                throw new IOException($"The simulator cannot listen on 127.0.0.1:{options.Port}: {error.Message}", error);
            }

            throw;
        }

        core.Resume();
        return new SimulatorServer(web, core, new Uri(web.Urls.First()));
    }

    /// <summary>Sets all counters to zero.</summary>
    public void ResetStats() => _core.Stats.Reset();

    /// <summary>Stops answering and working.</summary>
    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource();
        await atOnce.CancelAsync().ConfigureAwait(false);
        await _web.StopAsync(atOnce.Token).ConfigureAwait(false);
        await _web.DisposeAsync().ConfigureAwait(false);
        await _core.DisposeAsync().ConfigureAwait(false);
    }

    private static WebApplication Build(SimulatorCore core)
    {
        // Nothing from the environment, no log, no signal handlers: the host program owns them.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Services.AddSingleton<IHostLifetime, EmbeddedLifetime>();
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.UTF8; // a fault's headers may be any text
            kestrel.Limits.MaxRequestBodySize = null; // each handler has its provider's limit
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(System.Net.IPAddress.Loopback, core.Options.Port, listen => listen.Protocols = HttpProtocols.Http1);
        });
        var web = builder.Build();
        web.Use((http, next) =>
        {
            // Whatever is answered, errors and faults too: a client must never take a rehearsed answer for a real one.
            http.Response.Headers[MarkHeader] = core.Options.PlaysProvider ? "provider" : "1";
            return next(http);
        });
        var routes = new Routes(web, core);
        new OpenAIFiles(core).Map(routes);
        new OpenAIBatches(core).Map(routes);
        new OpenAILive(core).Map(routes);
        new AnthropicBatches(core).Map(routes);
        new AnthropicLive(core).Map(routes);
        routes.MapControl();
        return web;
    }
}
