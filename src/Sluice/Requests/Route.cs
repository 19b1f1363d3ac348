using Sluice.Experiments;
using Sluice.Providers;

namespace Sluice.Requests;

/// <summary>Where the requests of a step go: a provider's account and a model.</summary>
/// <remarks>One instance per distinct model of a sweep, so it may be compared by reference.</remarks>
public sealed class Route
{
    /// <summary>Creates a route.</summary>
    public Route(IProvider provider, ModelOptions model, ModelPrice? price)
    {
        Provider = provider;
        Model = model;
        Price = price;
    }

    /// <summary>Gets the provider and account.</summary>
    public IProvider Provider { get; }

    /// <summary>Gets the model.</summary>
    public ModelOptions Model { get; }

    /// <summary>Gets the price of the model; null when it is not known.</summary>
    public ModelPrice? Price { get; }
}
