namespace Sluice.Configuration;

/// <summary>All keys of an experiment, listed once: for binding, for overrides, for hints and for the test of the documentation.</summary>
internal static class ExperimentFields
{
    public static FieldSet Dataset { get; } = new("path", "format", "id", "limit", "offset", "on_error");

    public static FieldSet Price { get; } = new("input", "output", "batch_input", "batch_output");

    public static FieldSet Model { get; } = new(
        "provider", "name", "api", "base_url", "api_key_env", new Field("params", IsOpen: true), new Field("price", Price));

    public static FieldSet Step { get; } = new(
        "name", new Field("model", Model), "system", "user", new Field("messages", IsOpen: true), new Field("body", IsOpen: true));

    public static FieldSet Score { get; } = new(
        "name", "type", "value", "target", "pattern", "target_pattern", "ignore_case", "tolerance");

    public static FieldSet Budget { get; } = new("usd");

    public static FieldSet Memory { get; } = new("required_gb");

    public static FieldSet Live { get; } = new("concurrency", "max_attempts", "timeout_seconds");

    public static FieldSet Batch { get; } = new("max_requests", "max_bytes", "max_attempts", "lost_after_seconds");

    public static FieldSet Simulator { get; } = new("recordings", "faults", "batch_delay_seconds");

    public static FieldSet Experiment { get; } = new(
        "name",
        "batch_mode",
        "epochs",
        new Field("dataset", Dataset, Shorthand: "path"),
        new Field("model", Model),
        "system",
        "user",
        new Field("messages", IsOpen: true),
        new Field("body", IsOpen: true),
        new Field("steps", Step, IsList: true),
        new Field("scores", Score, IsList: true),
        new Field("budget", Budget),
        new Field("memory", Memory),
        new Field("live", Live),
        new Field("batch", Batch),
        new Field("simulator", Simulator));
}
