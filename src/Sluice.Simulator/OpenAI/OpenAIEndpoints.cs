using Sluice.Simulator.Requests;

namespace Sluice.Simulator.OpenAI;

/// <summary>The endpoints a batch may name.</summary>
internal static class OpenAIEndpoints
{
    public const string ChatCompletions = "/v1/chat/completions";
    public const string Responses = "/v1/responses";

    public static bool Exists(string path) => path is ChatCompletions or Responses;

    public static Endpoint Find(string path) => path == Responses ? Endpoint.Responses : Endpoint.ChatCompletions;
}
