using System.Buffers;
using System.Text;
using Sluice.Datasets;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.Exchange;

/// <summary>Takes in a vendor's own batch files: what was asked, and what was answered. Their answers become hits for configs that ask the same.</summary>
/// <remarks>Result lines name their request by <c>custom_id</c> only, so the input is read once for where each id stands, and again, here and there, for the bodies.</remarks>
/// <param name="cache">Where the answers go.</param>
/// <param name="dialects">How the provider's requests may look, one for each endpoint.</param>
/// <param name="options">What the files do not say.</param>
/// <param name="progress">Told how many answers have been stored, or null.</param>
public sealed class PairImport(IResponseCache cache, IReadOnlyList<IDialect> dialects, PairOptions options, Action<long>? progress = null) : IDisposable
{
    private const string Anthropic = "anthropic";

    private readonly PutGroup _group = new(cache, progress);
    private readonly LinePlaces _places = new();
    private readonly Dictionary<(string Model, string Source), ResponseOrigin> _origins = [];
    private long _answered;

    /// <summary>Gets how many requests the input has.</summary>
    public long Requests { get; private set; }

    /// <summary>Gets how many answers have been read.</summary>
    public long Responses => _group.Responses;

    /// <summary>Gets how many of them the cache did not have.</summary>
    public long New => _group.New;

    /// <summary>Gets how many results are failures; nothing is stored of them.</summary>
    public long Failed { get; private set; }

    /// <summary>Gets how many requests have no result in the files.</summary>
    public long Unanswered => Requests - _answered;

    /// <summary>Gets the lines that are no requests or results, or do not belong together.</summary>
    public BrokenLines Broken { get; } = new();

    /// <summary>Takes in the files of one batch.</summary>
    /// <param name="input">The batch's input: a line for each request.</param>
    /// <param name="outputs">Its results, e.g. the output and the error file.</param>
    /// <param name="cancellationToken">Ends the work; what was stored stays.</param>
    /// <exception cref="SluiceException">A file cannot be read, or not to its end, or is of another vendor than the input; what came before is kept.</exception>
    public async Task ReadAsync(string input, IReadOnlyList<string> outputs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        var requests = await OpenAsync(input, cancellationToken).ConfigureAwait(false);
        await using (requests.ConfigureAwait(false))
        {
            await ForeignFile.ReadAsync(requests, input, Broken, EnterAsync, cancellationToken).ConfigureAwait(false);
            foreach (var output in outputs)
            {
                var made = File.GetLastWriteTimeUtc(output);
                await ForeignFile.ReadAsync(output, Broken, line => TakeAsync(line, requests, output, made, cancellationToken), StoreAsync, cancellationToken).ConfigureAwait(false);
            }
        }

        await _group.FinishAsync(cancellationToken).ConfigureAwait(false);

        async ValueTask<long> StoreAsync()
        {
            await _group.FinishAsync(cancellationToken).ConfigureAwait(false);
            return Responses;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _group.Dispose();
        _places.Dispose();
    }

    private static async Task<Stream> OpenAsync(string input, CancellationToken cancellationToken)
    {
        var compression = DatasetFormat.CompressionOf(input);
        try
        {
            return await DatasetFile.OpenSeekableAsync(input, compression, cancellationToken, ForeignFile.Kind).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not SluiceException && DatasetFile.Explain(error, input, compression, ForeignFile.Kind) is { } explained)
        {
            throw explained;
        }
    }

    private ValueTask EnterAsync(ReadOnlyMemory<byte> line, long offset)
    {
        var (request, _) = ReadRequest(line);
        if (!_places.Add(request.CustomId.Span, offset, line.Length))
        {
            throw new FormatException($"a second request with custom_id `{Text(request.CustomId)}`");
        }

        Requests++;
        return ValueTask.CompletedTask;
    }

    private async ValueTask TakeAsync(ReadOnlyMemory<byte> line, Stream requests, string output, DateTimeOffset made, CancellationToken cancellationToken)
    {
        var (customId, batch, isAnthropic) = ResultFacts.Read(line);
        if (isAnthropic is { } other && other != (options.Provider == Anthropic))
        {
            await _group.FinishAsync(cancellationToken).ConfigureAwait(false);
            throw new SluiceException(
                ErrorKind.Usage,
                $"{output} has results as {(other ? "Anthropic" : "OpenAI")} writes them, and the provider is {options.Provider}; of what comes before, {Responses} responses are kept",
                "give the input and the results of one and the same batch, and --provider of whose they are");
        }

        if (_places.Take(customId.Span) is not var (start, length, wasTaken))
        {
            throw new FormatException($"the input has no request with custom_id `{Text(customId)}`");
        }

        if (wasTaken)
        {
            throw new FormatException($"a second result for custom_id `{Text(customId)}`");
        }

        _answered++;
        var asked = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            requests.Position = start;
            await requests.ReadExactlyAsync(asked.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            var (request, dialect) = ReadRequest(asked.AsMemory(0, length));
            var result = dialect.ReadBatchLine(line);
            if (result.Error is not null)
            {
                Failed++;
                return;
            }

            var createdAt = ResultFacts.CreatedAt(result.Body.Span) ?? made;
            if (createdAt > options.Latest)
            {
                throw new FormatException($"the answer to `{Text(customId)}` was made at {createdAt:yyyy-MM-dd'T'HH:mm:ss'Z'}, which is yet to come");
            }

            var body = ForeignBody.Read(request.Body.Span);
            await _group.AddAsync(
                new CacheEntry(RequestKey.Compute(RequestKey.DialectAt(dialect.Name, options.Server), dialect.Endpoint, body.Canonical, options.Epoch, options.Scope), result.Body, result.Usage)
                {
                    Origin = Origin(body.Model, options.Source ?? batch ?? ResultFacts.BatchOf(output)),
                    Request = options.StoresRequests ? body.Canonical : null,
                    CreatedAt = createdAt,
                },
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(asked);
        }
    }

    /// <summary>Reads a line of the input in the dialect whose endpoint it names, or in the only one that it can be read in.</summary>
    private (BatchInput Request, IDialect Dialect) ReadRequest(ReadOnlyMemory<byte> line)
    {
        FormatException? problem = null;
        var readable = new List<(BatchInput Request, IDialect Dialect)>(dialects.Count);
        foreach (var dialect in dialects)
        {
            try
            {
                var request = dialect.ReadBatchInput(line);
                if (request.Endpoint.Span.SequenceEqual(Encoding.UTF8.GetBytes(dialect.Endpoint)))
                {
                    return (request, dialect);
                }

                readable.Add((request, dialect));
            }
            catch (FormatException error)
            {
                // Then it may be another's.
                problem ??= error;
            }
        }

        return readable switch
        {
            [] => throw problem!,
            [var only] when only.Request.Endpoint.IsEmpty => only,
            _ => throw new FormatException($"its url `{Text(readable[0].Request.Endpoint)}` is none of {string.Join(", ", readable.Select(r => r.Dialect.Endpoint))}"),
        };
    }

    /// <summary>Returns one instance for each model and batch, which stores compare by reference first.</summary>
    private ResponseOrigin Origin(string model, string source)
    {
        if (!_origins.TryGetValue((model, source), out var origin))
        {
            _origins.Add((model, source), origin = new ResponseOrigin(options.Provider, model, source));
        }

        return origin;
    }

    private static string Text(ReadOnlyMemory<byte> utf8) => Encoding.UTF8.GetString(utf8.Span);
}
