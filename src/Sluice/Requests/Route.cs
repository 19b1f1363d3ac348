using Sluice.Experiments;
using Sluice.Providers;

namespace Sluice.Requests;

/// <summary>Where the requests of a step go: a provider's account and a model, and what it costs.</summary>
/// <remarks>One instance per distinct model of a sweep, so it may be compared by reference.</remarks>
public sealed class Route(IProvider provider, string model, ModelPrice? price)
{
    /// <summary>Gets the provider and account.</summary>
    public IProvider Provider => provider;

    /// <summary>Gets the model's name.</summary>
    public string Model => model;

    /// <summary>Gets the price of the model; null when it is not known.</summary>
    public ModelPrice? Price => price;

    /// <summary>Returns what tokens cost in US dollars; null when the price is not known.</summary>
    public double? Cost(TokenUsage usage, bool batch)
    {
        var (input, output) = batch ? (price?.BatchInput, price?.BatchOutput) : (price?.Input, price?.Output);
        return usage is { Input: 0, Output: 0 } ? 0 : ((usage.Input * input) + (usage.Output * output)) / 1e6;
    }
}
