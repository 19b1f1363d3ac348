namespace Sluice.Testing;

/// <summary>Which way bytes go: up to the server, down to the client.</summary>
[Flags]
public enum Flow
{
    /// <summary>Neither way.</summary>
    None = 0,

    /// <summary>From the client to the server.</summary>
    Up = 1,

    /// <summary>From the server to the client.</summary>
    Down = 2,

    /// <summary>Both ways, each by itself.</summary>
    Both = Up | Down,
}

/// <summary>Something bad that a <see cref="FaultProxy"/> does to connections; without the selectors below, to all of them.</summary>
public abstract record Toxic
{
    /// <summary>Gets the way whose bytes it works on and counts.</summary>
    public Flow Flow { get; init; } = Flow.Both;

    /// <summary>Gets the numbers of the connections it is meant for, from 1 in the order they were accepted, or null for any.</summary>
    public IReadOnlyCollection<int>? Connections { get; init; }

    /// <summary>Gets the ASCII text that has to go up a connection before it begins there, or null for none.</summary>
    /// <remarks>A request line picks one call out of many on a kept-alive connection. Bytes going up count from the text's first one.</remarks>
    public string? From { get; init; }

    /// <summary>Gets the most connections it begins on.</summary>
    public int Times { get; init; } = int.MaxValue;
}

/// <summary>Delays each piece of data.</summary>
public sealed record Latency(TimeSpan Delay) : Toxic
{
    /// <summary>Gets how much longer or shorter a delay may be.</summary>
    public TimeSpan Jitter { get; init; }
}

/// <summary>Lets only so many bytes through in a second.</summary>
public sealed record Bandwidth(int BytesPerSecond) : Toxic;

/// <summary>Cuts data into tiny writes.</summary>
/// <param name="Bytes">The length of a write.</param>
public sealed record Slicer(int Bytes) : Toxic
{
    /// <summary>Gets the wait after each write.</summary>
    public TimeSpan Delay { get; init; }
}

/// <summary>Waits before it passes on that one side has closed.</summary>
public sealed record SlowClose(TimeSpan Delay) : Toxic;

/// <summary>Stops a connection after so many bytes.</summary>
/// <param name="Bytes">How many bytes still pass.</param>
public abstract record Ending(long Bytes) : Toxic;

/// <summary>Closes the connection towards both sides after so many bytes, in an orderly way.</summary>
/// <param name="Bytes">How many bytes still pass.</param>
public sealed record LimitData(long Bytes) : Ending(Bytes);

/// <summary>Resets the connection towards both sides after so many bytes.</summary>
/// <param name="Bytes">How many bytes still pass.</param>
public sealed record ResetPeer(long Bytes) : Ending(Bytes);

/// <summary>Swallows what comes after so many bytes and keeps the connection open: the one waits, the other hears nothing.</summary>
/// <param name="Bytes">How many bytes still pass.</param>
public sealed record Swallow(long Bytes = 0) : Ending(Bytes);
