namespace Sluice.Simulator.Requests;

/// <summary>The kinds of model call the simulator answers.</summary>
internal enum Endpoint
{
    ChatCompletions,
    Responses,
    Messages,
}
