using System.Text.Json.Nodes;

namespace Sluice.Experiments;

/// <summary>
/// One model call of an experiment. The prompt is given in exactly one of three ways: <see cref="User"/> (with or without
/// <see cref="System"/>), <see cref="Messages"/>, or <see cref="Body"/>.
/// </summary>
public sealed record StepOptions
{
    /// <summary>Gets the name by which later steps and scores refer to the answer: <c>steps.NAME.text</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the model that answers this step.</summary>
    public required ModelOptions Model { get; init; }

    /// <summary>Gets the system prompt, a Liquid template, or null.</summary>
    public string? System { get; init; }

    /// <summary>Gets the user prompt, a Liquid template, or null.</summary>
    public string? User { get; init; }

    /// <summary>Gets the conversation in the provider's own shape; every string in it is a Liquid template. Null when not used.</summary>
    public JsonArray? Messages { get; init; }

    /// <summary>Gets the whole request body in the provider's own shape; every string in it is a Liquid template. Null when not used.</summary>
    /// <remarks><c>model</c> is filled in when the body does not name one; <see cref="ModelOptions.Params"/> fill in fields that the body lacks.</remarks>
    public JsonObject? Body { get; init; }
}
