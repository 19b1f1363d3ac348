using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Sluice.Providers;

namespace Sluice.Tests.Providers;

/// <summary>Answers every HTTP call with what the test says, and keeps what was asked.</summary>
internal sealed class StubHttp(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> answer, bool readsBody = true) : HttpMessageHandler
{
    public StubHttp(Func<HttpRequestMessage, HttpResponseMessage> answer)
        : this((request, _) => Task.FromResult(answer(request)))
    {
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));

    public List<(HttpMethod Method, string Url, string Body, HttpRequestHeaders Headers)> Asked { get; } = [];

    public ProviderEnvironment Environment => new(name => $"key-of-{name}", new HttpClient(this), Time);

    public static HttpResponseMessage Json(string body, int status = 200, params (string Name, string Value)[] headers)
    {
        var response = new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        foreach (var (name, value) in headers)
        {
            response.Headers.TryAddWithoutValidation(name, value);
        }

        return response;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        string body = request.Content is null || !readsBody ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        Asked.Add((request.Method, request.RequestUri!.ToString(), body, request.Headers));
        return await answer(request, cancellationToken);
    }
}
