namespace Sluice.Ledger;

/// <summary>Another process has taken an intent over, because this one had stood still for longer than its lease: nothing was written.</summary>
public sealed class LostIntentException(string intent) : Exception($"intent {intent} belongs to another process now")
{
    /// <summary>Gets the intent's id.</summary>
    public string Intent { get; } = intent;
}
