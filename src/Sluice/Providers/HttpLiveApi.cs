using System.Net.Http.Headers;

namespace Sluice.Providers;

/// <summary>The live API of a provider whose call is one POST of the body.</summary>
internal sealed class HttpLiveApi(ProviderHttp http, Uri address, TimeProvider time) : ILiveApi
{
    /// <inheritdoc/>
    public async Task<LiveAnswer> SendAsync(ReadOnlyMemory<byte> body, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var (answer, headers) = await http.SendRawAsync(request, timeout, cancellationToken).ConfigureAwait(false);
        return new LiveAnswer(answer, RateWindow.Limits(headers, time), ProviderHttp.IsMarked(headers));
    }
}
