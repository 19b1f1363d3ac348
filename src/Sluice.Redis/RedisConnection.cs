using StackExchange.Redis;

namespace Sluice.Caching;

/// <summary>The connection of a store: made at the first use, and made again by the client whenever it is lost.</summary>
internal sealed class RedisConnection : IAsyncDisposable
{
    // One connection, for commands that any user may give: nothing is subscribed to, and the server's configuration is its own affair.
    private static readonly CommandMap PlainCommands = CommandMap.Create(["SUBSCRIBE", "PSUBSCRIBE", "CONFIG", "CLUSTER", "SENTINEL"], available: false);

    private readonly RedisOptions _options;
    private readonly RedisAddress _address;
    private readonly SemaphoreSlim _connecting = new(1);
    private ConnectionMultiplexer? _connection;
    private volatile bool _hasDatabase;
    private bool _isClosed;

    /// <exception cref="SluiceException">The address cannot be read.</exception>
    public RedisConnection(RedisOptions options)
    {
        _options = options;
        _address = RedisAddress.Parse(options.Url);
        Name = $"{_address} ({options.Prefix})";
        // Every server has the first one.
        _hasDatabase = _address.Database == 0;
    }

    /// <summary>Gets what messages call the store.</summary>
    public string Name { get; }

    /// <summary>Gets how often the connection was made anew, or that was tried. The client counts it before anything goes over the new one.</summary>
    public long Reconnections => Math.Max(0, (_connection?.GetCounters().Interactive.SocketCount ?? 0) - 1);

    /// <summary>Looks something up, or looks after something.</summary>
    /// <exception cref="CacheAwayException">Redis cannot be reached now.</exception>
    /// <exception cref="SluiceException">Redis does not want to.</exception>
    public async ValueTask<TResult> AskAsync<TResult>(Func<IDatabase, Task<TResult>> ask, CancellationToken cancellationToken)
    {
        var database = await OpenAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await ask(database).ConfigureAwait(false);
        }
        catch (Exception error) when (RedisTrouble.OfReading(error, Name, _options.Timeout) is { } explained)
        {
            throw explained;
        }
    }

    /// <summary>Stores something.</summary>
    /// <exception cref="CacheAwayException">Redis cannot be reached now, or does not want to.</exception>
    public async ValueTask<TResult> StoreAsync<TResult>(Func<IDatabase, Task<TResult>> store, CancellationToken cancellationToken)
    {
        var database = await OpenAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await store(database).ConfigureAwait(false);
        }
        catch (Exception error) when (RedisTrouble.OfWriting(error, Name, _options.Timeout) is { } explained)
        {
            throw explained;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _connecting.WaitAsync().ConfigureAwait(false);
        _isClosed = true;
        if (_connection is not null)
        {
            await _connection.DisposeAsync().ConfigureAwait(false);
        }

        _connecting.Release();
    }

    private async ValueTask<IDatabase> OpenAsync(CancellationToken cancellationToken)
    {
        if (_connection is null || !_hasDatabase || _isClosed)
        {
            await _connecting.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                ObjectDisposedException.ThrowIf(_isClosed, this);
                _connection ??= await ConnectAsync().ConfigureAwait(false);
                if (!_hasDatabase)
                {
                    await RequireDatabaseAsync(_connection.GetDatabase(0)).ConfigureAwait(false);
                }
            }
            finally
            {
                _connecting.Release();
            }
        }

        return _connection.GetDatabase(_address.Database);
    }

    /// <summary>Chooses the database once by hand: the client does not notice when a server lacks it, and goes on with the first one.</summary>
    private async Task RequireDatabaseAsync(IDatabase first)
    {
        try
        {
            await first.ExecuteAsync("SELECT", _address.Database).ConfigureAwait(false);
            _hasDatabase = true;
        }
        catch (RedisServerException error) when (!RedisTrouble.IsPassing(error))
        {
            throw new SluiceException(
                ErrorKind.Usage,
                $"{Name}: the server has no database {_address.Database}, or does not give it: {error.Message}",
                "`databases` in its configuration says how many it has, 16 (0 to 15) if nothing; nothing was read or written",
                error);
        }
        catch (Exception error) when (RedisTrouble.OfReading(error, Name, _options.Timeout) is { } explained)
        {
            throw explained;
        }
    }

    private async Task<ConnectionMultiplexer> ConnectAsync()
    {
        var settings = new ConfigurationOptions
        {
            EndPoints = { { _address.Host, _address.Port } },
            User = _options.User,
            Password = _options.Password,
            Ssl = _address.Tls,
            SslHost = _address.Tls ? _address.Host : null,
            ClientName = "sluice",
            Protocol = RedisProtocol.Resp2,
            CommandMap = PlainCommands,
            ConfigurationChannel = "",
            TieBreaker = "",
            // For INFO alone, which some users may not give.
            AllowAdmin = true,
            AbortOnConnectFail = true,
            ConnectRetry = 1,
            ConnectTimeout = (int)Math.Min(_options.Timeout.TotalMilliseconds, 5000),
            AsyncTimeout = (int)_options.Timeout.TotalMilliseconds,
            SyncTimeout = (int)_options.Timeout.TotalMilliseconds,
            // Whoever waits decides how; commands that are kept back meanwhile would only take memory.
            BacklogPolicy = BacklogPolicy.FailFast,
            ReconnectRetryPolicy = new LinearRetry(1000),
            // Names of keys are no help, and long.
            IncludeDetailInExceptions = false,
        };
        if (_options.CertificateAuthority is { } authority)
        {
            settings.TrustIssuer(authority);
        }

        try
        {
            var connection = await ConnectionMultiplexer.ConnectAsync(settings).ConfigureAwait(false);
            // A server that has come back may have another configuration.
            connection.ConnectionFailed += (_, _) => _hasDatabase = _address.Database == 0;
            return connection;
        }
        catch (RedisConnectionException error)
        {
            throw RedisTrouble.OfConnecting(error, Name, _options.Timeout);
        }
    }
}
