using static Sluice.Configuration.Field;
using static Sluice.Configuration.ValueShape;

namespace Sluice.Configuration;

/// <summary>All keys of an experiment, listed once: for binding, overrides and hints, for the JSON Schema, and for the test of the documentation.</summary>
internal static class ExperimentFields
{
    public static FieldSet Dataset { get; } = new(
        Of("path", Text, "the file, looked for in the current folder, then beside the config"),
        Of("format", OneOf("jsonl", "csv", "tsv", "parquet"), "the format, when the file's name does not tell"),
        Of("id", Text, "the field that names a sample"),
        Of("limit", Whole(0), "how many records to read"),
        Of("offset", Whole(0), "how many records to leave out at the start"),
        Of("on_error", OneOf("fail", "skip"), "what to do with a record that cannot be read"));

    public static FieldSet Price { get; } = new(
        Of("input", Number(), "US dollars per million input tokens, live"),
        Of("output", Number(), "US dollars per million output tokens, live"),
        Of("batch_input", Number(), "US dollars per million input tokens, batch"),
        Of("batch_output", Number(), "US dollars per million output tokens, batch"));

    public static FieldSet Model { get; } = new(
        Of("provider", Text, "the provider: openai, anthropic, openai-compatible, simulated"),
        Of("name", Text, "the model, as the provider calls it"),
        Of("api", OneOf("chat", "responses", "messages"), "which endpoint to use"),
        Of("base_url", Text, "where the provider is reached"),
        Of("server", Text, "a name that stands for the address in keys: a server that moves keeps its answers"),
        Of("api_key_env", Text, "the name of the environment variable that holds the key"),
        new Field("params", IsOpen: true) { About = "body fields sent to the provider as they are" },
        new Field("price", Price) { About = "what the model costs, when the built-in table does not know" });

    public static FieldSet Step { get; } = new(
        Of("name", Text, "how templates refer to the answer: steps.NAME.text"),
        new Field("model", Model) { About = "the model of this step; default: the one at the top" },
        Of("system", Text, "the system prompt, a template"),
        Of("user", Text, "the user prompt, a template"),
        new Field("messages", IsOpen: true) { About = "the conversation in the provider's shape; each text in it is a template" },
        new Field("body", IsOpen: true) { About = "the whole request body in the provider's shape; each text in it is a template" });

    public static FieldSet Score { get; } = new(
        Of("name", Text, "the name in reports"),
        Of("type", OneOf("exact", "includes", "regex", "numeric", "choice"), "the scorer"),
        Of("value", Text, "what is scored, a template"),
        Of("target", Text, "what is expected, a template; for regex the pattern"),
        Of("pattern", Text, "a regular expression that finds the answer in the value"),
        Of("target_pattern", Text, "a regular expression that finds the answer in the target"),
        Of("ignore_case", YesNo, "whether letter case is ignored"),
        Of("tolerance", Number(), "how far apart equal numbers may be, for numeric"));

    public static FieldSet Budget { get; } = new(Of("usd", Number(isLeastExcluded: true), "the most the experiment may cost, in US dollars"));

    public static FieldSet Memory { get; } = new(
        Of("required_gb", Number(), "free memory below which a run warns, in GB"),
        Of("enforce", YesNo, "whether a run is refused then"));

    public static FieldSet Live { get; } = new(
        Of("concurrency", Whole(1, 4096), "the most calls under way at once per provider account"),
        Of("max_attempts", Whole(1, 100), "the most tries of one request"),
        Of("timeout_seconds", Number(0, 86_400, isLeastExcluded: true), "how long one call may take"),
        Of("resend_unknown", Whole(0, 100), "how often a call whose outcome is not known is made again"),
        Of("stop_after", Whole(0, 1_000_000), "after how many first answers that are the same permanent failure no more of a step is sent; 0 for never"),
        Of("unreachable_seconds", Number(0, 604_800), "how long calls wait for an address where nobody answers"));

    public static FieldSet Batch { get; } = new(
        Of("max_requests", Whole(1), "the most requests in one batch"),
        Of("max_bytes", Whole(1), "the most bytes in one batch"),
        Of("max_attempts", Whole(1, 100), "the most tries of one request"),
        Of("lost_after_seconds", Number(1, 86_400), "how long a batch is looked for whose create call lost its answer"),
        Of("delete_files", YesNo, "whether the files of a batch at the provider are deleted once its answers are taken over"));

    /// <summary>Gets the stores that keep answers.</summary>
    public static IReadOnlyList<string> Stores { get; } = ["sqlite", "jsonl", "redis"];

    public static FieldSet Redis { get; } = new(
        Of("url", Text, "where Redis is: redis://HOST:PORT/DATABASE, rediss:// for TLS; default: SLUICE_REDIS_URL"),
        Of("prefix", Text, "what the names of all keys begin with"));

    public static FieldSet Cache { get; } = new(
        Of("backend", OneOf("sqlite", "jsonl", "redis", "memory"), "the store of answers; default: the one the workspace has used so far, else sqlite"),
        Of("tiers", ListOf("memory", "sqlite", "jsonl", "redis"), "memory, and then the store: what was used lately stays at hand"),
        Of("memory_mb", Whole(1, 1_000_000), "how much memory the cache in memory may take, in MB"),
        Of("compress", YesNo, "whether sqlite compresses answers as they come"),
        Of("shadow", OneOf("sqlite", "jsonl", "redis"), "a second store that is written too and compared with"),
        new Field("redis", Redis) { About = "where Redis is" },
        Of("scope", Text, "a name that separates studies: they share no answers"),
        Of("read", YesNo, "whether answers of earlier commands count"),
        Of("write", YesNo, "whether answers are stored; only live calls can do without"),
        Of("expiry", Text, "the age from which on answers count as missing: 45s, 90m, 12h, 30d, 2w"),
        Of("not_before", Text, "answers made before this time count as missing; --refresh sets it"),
        Of("store_requests", YesNo, "whether request bodies are stored with the answers"),
        Of("legacy_keys", YesNo, "whether answers count that were stored before the address was part of the key"));

    public static FieldSet Simulator { get; } = new(
        Of("recordings", Text, "recorded answers of provider simulated"),
        Of("faults", Text, "its fault script"),
        Of("batch_delay_seconds", Number(0, 86_400), "the least time its batches take"));

    public static FieldSet Experiment { get; } = new(
        Of("name", Text, "the experiment's name and its folder below runs/"),
        Of("batch_mode", YesNo, "through the provider's Batch API (half price, hours), or live"),
        Of("epochs", Whole(1, 1000), "how often each sample is asked"),
        new Field("dataset", Dataset, Shorthand: "path") { About = "where samples come from; a text is short for dataset.path" },
        new Field("model", Model) { About = "the model that answers" },
        Of("system", Text, "for a single step: its system prompt, a template"),
        Of("user", Text, "for a single step: its user prompt, a template"),
        new Field("messages", IsOpen: true) { About = "for a single step: its messages" },
        new Field("body", IsOpen: true) { About = "for a single step: its request body" },
        new Field("steps", Step, IsList: true) { About = "the model calls, in order" },
        new Field("scores", Score, IsList: true) { About = "how an answered sample is scored" },
        new Field("budget", Budget) { About = "what the experiment may cost" },
        new Field("memory", Memory) { About = "what memory it wants" },
        new Field("live", Live) { About = "limits of live calls" },
        new Field("batch", Batch) { About = "limits of batches" },
        new Field("cache", Cache) { About = "where answers are kept, and which of them count" },
        new Field("simulator", Simulator) { About = "how provider simulated behaves" });

    /// <summary>Finds what is known about a dotted path; null when it is no field.</summary>
    public static Field? At(IReadOnlyList<string> path)
    {
        Field? field = new("", Experiment);
        foreach (string key in path)
        {
            if (field is { IsList: true } && int.TryParse(key, out _))
            {
                field = field.Item;
            }
            else if (field is null || !field.TryInner(key, out field))
            {
                return null;
            }
        }

        return field;
    }
}
