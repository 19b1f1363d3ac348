namespace Sluice.Simulator;

/// <summary>What a simulator does with a request that no recording matches.</summary>
public enum MissingRecording
{
    /// <summary>Answers with text derived from the request; the same request always gets the same text.</summary>
    Synthesize,

    /// <summary>Refuses the request with status 400, <c>invalid_request_error</c>.</summary>
    Refuse,
}
