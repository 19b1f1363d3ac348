using System.Buffers;
using System.Text.Json.Nodes;
using Sluice.Requests;

namespace Sluice.Providers;

/// <summary>How one kind of request, response and batch line looks. Pure functions; no I/O, thread-safe.</summary>
public interface IDialect
{
    /// <summary>Gets the name that goes into every key.</summary>
    string Name { get; }

    /// <summary>Gets the endpoint's path, which goes into every key, e.g. <c>/v1/chat/completions</c>.</summary>
    string Endpoint { get; }

    /// <summary>Returns the body fields that carry a prompt; every string in them is a template.</summary>
    /// <param name="system">The system prompt, or null.</param>
    /// <param name="user">The user prompt, or null when <paramref name="messages"/> is given.</param>
    /// <param name="messages">The conversation, or null.</param>
    JsonObject Prompt(string? system, string? user, JsonArray? messages);

    /// <summary>Returns what is wrong with a body's fields, before anything is sent; each text says what to do.</summary>
    IEnumerable<string> Check(JsonObject body);

    /// <summary>Writes one line of a batch's input, without the line feed.</summary>
    void WriteBatchLine(IBufferWriter<byte> output, ReadOnlySpan<byte> customId, ReadOnlySpan<byte> body);

    /// <summary>Reads one line of a batch's input, ours or somebody else's.</summary>
    /// <exception cref="FormatException">The line is no input line.</exception>
    BatchInput ReadBatchInput(ReadOnlyMemory<byte> line);

    /// <summary>Reads one line of a batch's result.</summary>
    /// <exception cref="FormatException">The line is no result line.</exception>
    BatchLine ReadBatchLine(ReadOnlyMemory<byte> line);

    /// <summary>Reads what a step sees of a stored response, and no more of the body than that takes.</summary>
    /// <param name="body">A body that <see cref="Inspect"/> has accepted.</param>
    /// <param name="usage">The usage that <see cref="Inspect"/> has found.</param>
    /// <exception cref="FormatException">The body is no response of this dialect.</exception>
    Response ReadResponse(ReadOnlySpan<byte> body, TokenUsage usage);

    /// <summary>Writes the shortest body from which <see cref="ReadResponse"/> and <see cref="Inspect"/> read this response; null where there is none.</summary>
    /// <remarks>It is not what the provider has answered, of which a response holds only a part, and a member of the body says so.</remarks>
    byte[]? Write(Response response) => null;

    /// <summary>Reads a whole body before it is stored: its usage, and whether it reports a failure of its own.</summary>
    /// <returns>The usage, and the failure when the body itself says that the call failed (e.g. Responses' <c>status: failed</c>).</returns>
    /// <exception cref="FormatException">The body is no response of this dialect.</exception>
    (TokenUsage Usage, RequestError? Failure) Inspect(ReadOnlySpan<byte> body);

    /// <summary>Reads an error answer, whatever its shape; HTML and empty bodies included.</summary>
    RequestError ReadError(int status, ReadOnlySpan<byte> body);
}
