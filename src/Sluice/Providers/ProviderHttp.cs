using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Sluice.Providers;

/// <summary>HTTP as all providers use it: authorise, send once, and turn whatever goes wrong into a <see cref="ProviderException"/>.</summary>
internal sealed class ProviderHttp
{
    private const int MaxErrorBytes = 64 * 1024;
    private static readonly TimeSpan CallTimeout = TimeSpan.FromMinutes(2);

    /// <summary>The header by which the simulator says that its answers are made up.</summary>
    private const string SimulatorMark = "x-sluice-simulator";

    private readonly ProviderEnvironment _environment;
    private readonly Action<HttpRequestHeaders> _authorise;
    private readonly Func<int, ReadOnlySpan<byte>, RequestError> _readError;
    private readonly KeyMask _mask;
    private readonly bool _isRehearsal;
    private volatile bool _isSimulator;
    private volatile bool _isConfirmed;

    /// <summary>Creates the sender of one account.</summary>
    /// <param name="environment">The client and the clock.</param>
    /// <param name="authorise">Adds the account's headers; the only place where the key is used.</param>
    /// <param name="readError">Reads an error body.</param>
    /// <param name="mask">Takes the key out of what the provider says.</param>
    /// <param name="isRehearsal">Whether the account's requests have keys of their own, so that answers of the simulator are welcome.</param>
    public ProviderHttp(ProviderEnvironment environment, Action<HttpRequestHeaders> authorise, Func<int, ReadOnlySpan<byte>, RequestError> readError, KeyMask mask, bool isRehearsal = false)
    {
        _isRehearsal = isRehearsal;
        _environment = environment;
        _authorise = authorise;
        _readError = readError;
        _mask = mask;
    }

    /// <summary>Gets whether the latest answer came from the simulator; false before the first one. Thread-safe.</summary>
    public bool IsSimulator => _isSimulator;

    /// <summary>Tells whether an answer with these headers came from the simulator.</summary>
    public static bool IsMarked(HttpResponseHeaders headers) => Header(headers, SimulatorMark) is "1" or "provider";

    /// <summary>Tells whether an answer with these headers is a rehearsal's: it came from the simulator, which does not play a provider.</summary>
    public static bool IsRehearsal(HttpResponseHeaders headers) => Header(headers, SimulatorMark) == "1";

    /// <summary>Sends a request and returns its JSON answer.</summary>
    public async Task<(JsonDocument Document, TimeSpan? RetryAfter)> SendJsonAsync(HttpRequestMessage request, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, timeout, cancellationToken).ConfigureAwait(false);
        var body = await ReadAsync(response, cancellationToken).ConfigureAwait(false);
        try
        {
            return (JsonDocument.Parse(body), RateWindow.RetryAfter(response.Headers, _environment.Time));
        }
        catch (JsonException error)
        {
            throw new ProviderException(
                new RequestError(ErrorClass.Transient, "bad_answer", $"{request.Method} {request.RequestUri?.AbsolutePath} answered {(int)response.StatusCode} with a body that is no JSON"),
                outcomeUnknown: true,
                (int)response.StatusCode,
                inner: error);
        }
    }

    /// <summary>Sends a request and returns its raw answer, however large up to the client's buffer limit.</summary>
    public async Task<(byte[] Body, HttpResponseHeaders Headers)> SendRawAsync(HttpRequestMessage request, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, timeout, cancellationToken).ConfigureAwait(false);
        return (await ReadAsync(response, cancellationToken).ConfigureAwait(false), response.Headers);
    }

    /// <summary>Sends a request about something; false when the provider says that there is no such thing.</summary>
    public async Task<bool> ExistsAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            (await SendAsync(request, HttpCompletionOption.ResponseContentRead, null, cancellationToken).ConfigureAwait(false)).Dispose();
            return true;
        }
        catch (ProviderException error) when (error.IsGone)
        {
            return false;
        }
    }

    /// <summary>Sends a request and returns the answer's body as a stream; disposing it ends the call.</summary>
    public async Task<Stream> OpenAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, CallTimeout, cancellationToken).ConfigureAwait(false);
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        return new ProviderStream(stream, response, _environment.Time);
    }

    /// <summary>Returns a header's value, or null.</summary>
    public static string? Header(HttpResponseHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out var values) ? values.ToString().Trim() : null;

    /// <summary>Returns an error that does not tell the key, whatever the provider has put into it.</summary>
    public RequestError WithoutKey(RequestError error) => _mask.Apply(error);

    /// <summary>Returns the items of a page of a list.</summary>
    /// <exception cref="ProviderException">The answer is no such page.</exception>
    public static JsonElement.ArrayEnumerator List(JsonElement page) =>
        page.ValueKind == JsonValueKind.Object && page.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Array
            ? data.EnumerateArray()
            : throw new ProviderException(new RequestError(ErrorClass.Transient, "bad_answer", "a list was answered without `data`"), outcomeUnknown: true);

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption completion, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        await ConfirmRehearsalAsync(request.RequestUri!, cancellationToken).ConfigureAwait(false);
        _authorise(request.Headers);
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("sluice", "0.1"));
        // An upload may take as long as it moves; the time-out is the answer's.
        var upload = request.Content as UploadContent;
        using var deadline = new CancellationTokenSource(upload is null ? timeout ?? CallTimeout : UploadContent.Silence, _environment.Time);
        upload?.OnMoved(() => Extend(deadline, upload.MayBeWhole ? timeout ?? CallTimeout : UploadContent.Silence));
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        HttpResponseMessage response;
        try
        {
            response = await _environment.Http.SendAsync(request, completion, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ProviderException(
                new RequestError(ErrorClass.Transient, "timeout", upload?.MayBeWhole == false
                    ? $"{request.RequestUri?.Host} took nothing of the upload for {UploadContent.Silence.TotalSeconds:0} s, after {upload.SentBytes} bytes"
                    : $"{request.RequestUri?.Host} did not answer within {(timeout ?? CallTimeout).TotalSeconds:0} s"),
                outcomeUnknown: upload?.MayBeWhole != false,
                inner: error);
        }
        catch (HttpRequestException error)
        {
            var isReached = error.HttpRequestError is not (HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError
                or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError);
            throw new ProviderException(
                new RequestError(isReached ? ErrorClass.Transient : ErrorClass.Unreachable, "network", $"{request.RequestUri?.Authority}: {error.Message}"),
                outcomeUnknown: isReached && upload?.MayBeWhole != false,
                inner: error);
        }

        _isSimulator = IsMarked(response.Headers);
        if (_environment.SeparatesRehearsals && !_isRehearsal && IsRehearsal(response.Headers))
        {
            // The keys were made for a provider's answers: a made-up one must not be kept under them.
            using (response)
            {
                throw new SluiceException(
                    ErrorKind.Environment,
                    $"{request.RequestUri?.Authority} is the simulator now; it was not, or could not be asked, when the command began",
                    "nothing of it was taken for an answer. Run the same command again for a rehearsal, or point base_url at the provider");
            }
        }

        if (response.IsSuccessStatusCode)
        {
            if (_environment.SeparatesRehearsals && _isRehearsal && !IsRehearsal(response.Headers))
            {
                using (response)
                {
                    throw NoSimulator(request.RequestUri!);
                }
            }

            if (response.Content.Headers.ContentType?.MediaType == "text/html")
            {
                // A login page, of a proxy or of a Wi-Fi. Whether the provider has seen the request, nobody knows.
                using (response)
                {
                    throw new ProviderException(
                        new RequestError(ErrorClass.Address, "html", $"{request.Method} {request.RequestUri} was answered with a web page"), outcomeUnknown: true, (int)response.StatusCode);
                }
            }

            return response;
        }

        using (response)
        {
            var status = (int)response.StatusCode;
            var body = await ReadSomeAsync(response, either.Token, cancellationToken).ConfigureAwait(false);
            var error = status is >= 300 and < 400
                ? new RequestError(ErrorClass.Address, status.ToString(CultureInfo.InvariantCulture), Redirects(request.RequestUri, response.Headers.Location))
                // The status alone classifies an error whose text cannot be read; that text is a bonus.
                : body is null ? ErrorRules.OfStatus(status, null, null, $"HTTP {status.ToString(CultureInfo.InvariantCulture)} without a readable message")
                : _readError(status, body);
            throw new ProviderException(
                WithoutKey(error), outcomeUnknown: status >= 500 || response.StatusCode == HttpStatusCode.RequestTimeout, status,
                RateWindow.Asked(response.Headers, body, error.Class == ErrorClass.RateLimited, _environment.Time));
        }
    }

    /// <summary>Sends nothing to an address that was the simulator's until it says that it still is: a provider there would be paid for an answer that nobody may keep.</summary>
    private async Task ConfirmRehearsalAsync(Uri address, CancellationToken cancellationToken)
    {
        if (!_isRehearsal || _isConfirmed || !_environment.SeparatesRehearsals)
        {
            return;
        }

        _isConfirmed = await SimulatorProbe.AskAsync(_environment, address.GetLeftPart(UriPartial.Authority), cancellationToken).ConfigureAwait(false) switch
        {
            true => true,
            false => throw NoSimulator(address),
            null => throw new ProviderException(new RequestError(ErrorClass.Unreachable, "network", $"{address.Authority}: the simulator does not answer"), outcomeUnknown: false),
        };
    }

    private static SluiceException NoSimulator(Uri address) => new(
        ErrorKind.Environment,
        $"{address.Authority} is not the simulator any more; it was, when it was last asked",
        "nothing of it was taken for an answer. Run the same command again to ask the provider there, or start `sluice simulate` for a rehearsal");

    private static string Redirects(Uri? from, Uri? to) =>
        $"{from} redirects{(to is null ? " and does not say where to" : $" to {to}")}; redirects are not followed, set base_url to the right address";

    private static void Extend(CancellationTokenSource deadline, TimeSpan time)
    {
        try
        {
            deadline.CancelAfter(time);
        }
        catch (ObjectDisposedException)
        {
            // The answer came before the body was sent whole: nobody waits any more.
        }
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            return await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw new ProviderException(new RequestError(ErrorClass.Transient, "network", $"the answer was cut off: {error.Message}"), outcomeUnknown: true, inner: error);
        }
    }

    private static async Task<ReadOnlyMemory<byte>> ReadSomeMemoryAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var buffer = new byte[MaxErrorBytes];
        var read = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return buffer.AsMemory(0, read);
    }

    private static async Task<byte[]?> ReadSomeAsync(HttpResponseMessage response, CancellationToken either, CancellationToken cancellationToken)
    {
        try
        {
            return (await ReadSomeMemoryAsync(response, either).ConfigureAwait(false)).ToArray();
        }
        catch (Exception error) when (error is HttpRequestException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }
}
