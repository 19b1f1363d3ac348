using static Sluice.Journeys.Ending;

namespace Sluice.Journeys;

/// <summary>The fault matrix: which fault strikes where, and how a run that meets it has to end. Five samples, in batches of three and two.</summary>
internal static class FaultCases
{
    private const int First = 3;
    private const string Refusal = "refused by the simulator's fault script";
    private const string LiveConfig = "batch_mode: false";
    private const string Patient = "batch: { max_requests: 3, lost_after_seconds: 30 }";

    /// <summary>Only the last of the live calls: a refusal is one request's failure when others are answered, and the account's when it comes first.</summary>
    private const string Last = "Question 4 ";

    /// <summary>The create call whose answer is lost: only then is the list asked.</summary>
    private const string LostCreate = """{ "type": "drop", "after": true }""";

    private static readonly string[] Providers = ["openai", "anthropic"];

    public static IReadOnlyList<FaultCase> All { get; } = [.. Providers.SelectMany(Of)];

    private static IEnumerable<FaultCase> Of(string provider) =>
        [.. Exchanges(provider), .. Downloads(provider), .. Batches(provider), .. Lines(provider), .. Cancels(provider)];

    private static string[] PhasesOf(string provider) =>
        provider == "openai" ? ["upload", "create", "get", "list", "content", "live"] : ["create", "get", "list", "results", "live"];

    private static IEnumerable<FaultCase> Exchanges(string provider)
    {
        foreach (var phase in PhasesOf(provider))
        {
            foreach (var status in (int[])[400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529])
            {
                yield return One(provider, phase, $$"""{ "type": "http-status", "status": {{status}} }""", AfterStatus(phase, status), match: phase == "live" && status is (401 or 403) ? Last : null);
            }

            yield return One(provider, phase, """{ "type": "http-status", "status": 502, "html": true }""", new Recovers());
            yield return One(provider, phase, """{ "type": "http-status", "status": 503, "body": "", "content_type": "text/plain" }""", new Recovers());
            yield return One(provider, phase, """{ "type": "http-status", "status": 500, "body": "[[1]" }""", new Recovers());
            yield return One(provider, phase, """{ "type": "http-status", "status": 307, "headers": { "location": "http://127.0.0.1:9/elsewhere" } }""", AfterRedirect(phase), match: phase == "live" ? Last : null);

            string[] waits = phase is "create" or "get" or "live" ? ["-5", "0", "0.5", "2", "\"date+2\"", "\"date+-100\"", "\"soon\"", "\"\"", "\"NaN\"", "\"1,5\""] : ["-5", "\"date+2\"", "\"soon\""];
            foreach (var wait in waits)
            {
                yield return One(provider, phase, $$"""{ "type": "http-status", "status": 429, "retry_after": {{wait}} }""", new Recovers());
            }

            yield return One(provider, phase, """{ "type": "http-status", "status": 503, "retry_after": -1 }""", new Recovers());
            foreach (var wait in (string[])["\"1e300\"", "\"date+99999999\""])
            {
                yield return One(provider, phase, $$"""{ "type": "http-status", "status": 429, "retry_after": {{wait}} }""", new Waits(phase is "upload" or "create" ? "trying again in 3600 s" : null));
            }

            // What a live call has cost is lost with its answer, and so is a batch that was denied: only a lost answer to a create is looked for.
            var lost = phase == "live" ? 1 : 0;
            yield return One(provider, phase, """{ "type": "http-status", "status": 408, "after": true }""", new Recovers(lost));
            yield return One(provider, phase, """{ "type": "http-status", "status": 500, "after": true }""", new Recovers(lost));
            yield return One(provider, phase, """{ "type": "http-status", "status": 503, "after": true, "retry_after": 1 }""", new Recovers(lost));
            yield return One(provider, phase, """{ "type": "http-status", "status": 504, "after": true, "html": true }""", new Recovers(lost));
            var denied = phase == "create" ? First : lost;
            yield return One(provider, phase, """{ "type": "http-status", "status": 409, "after": true }""", new Recovers(denied));
            yield return One(provider, phase, """{ "type": "http-status", "status": 429, "after": true }""", new Recovers(denied));

            yield return One(provider, phase, """{ "type": "drop" }""", new Recovers());
            var three = One(provider, phase, """{ "type": "drop" }""", new Recovers(), times: 3);
            // All three may meet one live request, whose calls are then paid for perhaps: more than one by default.
            yield return phase == "live" ? three with { Config = LiveConfig + "\nlive: { resend_unknown: 3 }" } : three;
            yield return One(provider, phase, """{ "type": "drop", "after": true }""", new Recovers(lost));
            foreach (var fraction in (string[])["0", "0.5", "1"])
            {
                yield return One(provider, phase, $$"""{ "type": "reset", "fraction": {{fraction}} }""", new Recovers());
            }

            yield return One(provider, phase, """{ "type": "delay", "seconds": 2 }""", new Recovers());
            yield return One(provider, phase, """{ "type": "delay", "seconds": 2, "after": true }""", new Recovers());
            string[] bodies = ["{\\\"id\\\": \\\"batch_", "", "null", "{}", .. phase is "create" or "get" ? (string[])["[]", "<html>busy</html>", "\\\"text\\\""] : phase == "list" ? ["[]", "{\\\"data\\\":[null]}"] : []];
            foreach (var body in bodies)
            {
                yield return One(provider, phase, $$"""{ "type": "garbage", "body": "{{body}}" }""", new Recovers(lost));
            }

            yield return One(provider, phase, """{ "type": "gzip-bomb", "bytes": 50000000 }""", new Recovers(lost));
        }

        // Longer than any call may take.
        yield return One(provider, "get", """{ "type": "delay", "seconds": 130 }""", new Recovers());
        yield return One(provider, "live", """{ "type": "delay", "seconds": 100, "after": true }""", new Recovers(1)) with { Config = LiveConfig + "\nlive: { timeout_seconds: 60 }" };
        yield return One(provider, "list", """{ "type": "delay", "seconds": 130, "after": true }""", new Recovers());
        if (provider == "openai")
        {
            yield return One(provider, "create", """{ "type": "delay", "seconds": 130, "after": true }""", new Recovers());
        }

        // An error that stays: live calls give up, batches do not.
        yield return One(provider, "live", """{ "type": "http-status", "status": 500 }""", new Fails(1, "server had an error"), times: 3, match: "Question 1 ") with { Config = LiveConfig + "\nlive: { max_attempts: 3 }" };
        yield return One(provider, "create", """{ "type": "http-status", "status": 429 }""", new Recovers(), times: 8);
        yield return One(provider, "get", """{ "type": "http-status", "status": 404 }""", new Recovers(), times: 8);
        yield return One(provider, "list", """{ "type": "http-status", "status": 500 }""", new Recovers(), times: 8);
    }

    private static Ending AfterStatus(string phase, int status) => (phase, status) switch
    {
        // While others are answered, the key is not to blame.
        ("live", 401 or 403) => new Fails(1, Refusal),
        // One batch that cannot be shown, while the list of batches can, does not stop the others.
        ("get" or "content" or "results", _) => new Recovers(),
        (_, 401 or 403) => new Stops(ErrorKind.Credentials, Refusal),
        (_, 402) => new Stops(ErrorKind.Credentials, Refusal),
        ("list", _) => new Recovers(),
        ("upload" or "create", 404) => new Stops(ErrorKind.Usage, "answers 404 where batches are made"),
        ("live", 400 or 404 or 413 or 422) => new Fails(1, Refusal),
        (_, 400 or 413 or 422) => new Fails(First, Refusal),
        _ => new Recovers(),
    };

    private static Ending AfterRedirect(string phase) => phase switch
    {
        "live" => new Fails(1, "redirects are not followed"),
        "upload" or "create" => new Stops(ErrorKind.Environment, "redirects are not followed"),
        _ => new Recovers(),
    };

    private static IEnumerable<FaultCase> Downloads(string provider)
    {
        var phase = provider == "openai" ? "content" : "results";
        foreach (var fraction in (string[])["0", "0.3", "0.5", "0.99"])
        {
            yield return One(provider, phase, $$"""{ "type": "truncate", "fraction": {{fraction}} }""", new Recovers());
            yield return One(provider, phase, $$"""{ "type": "truncate", "fraction": {{fraction}}, "content_length": false }""", new Recovers());
        }

        yield return One(provider, phase, """{ "type": "truncate" }""", new Recovers(), times: 6);
        // Files that stay short are believed at the fourth reading: what they do not tell is asked for again.
        yield return One(provider, phase, """{ "type": "truncate", "fraction": 0, "content_length": false }""", new Recovers(5), times: 8);
    }

    private static IEnumerable<FaultCase> Batches(string provider)
    {
        if (provider == "openai")
        {
            foreach (var code in (string[])["invalid_json_line", "model_not_found", "duplicate_custom_id", "mismatched_model", "empty_file", "too_many_tasks"])
            {
                yield return Batch($$"""{ "type": "failed", "code": "{{code}}", "message": "Not so.", "line": 2 }""", new Fails(First, "Not so. (line 2)"));
            }

            yield return Batch("""{ "type": "failed", "code": "token_limit_exceeded" }""", new Recovers());
            yield return Batch("""{ "type": "failed", "code": "token_limit_exceeded" }""", new Recovers(), times: 7);
            yield return Batch("""{ "type": "failed", "code": "server_error" }""", new Recovers());
            yield return Batch("""{ "type": "failed", "code": "something_new" }""", new Recovers(), times: 3);
            yield return Batch("""{ "type": "failed" }""", new Fails(First, "refused the batch"));
            yield return Batch("""{ "type": "failed", "code": "billing_hard_limit_reached", "message": "No more." }""", new Stops(ErrorKind.Credentials, "No more."));
            yield return Batch("""{ "type": "failed", "code": "insufficient_quota", "message": "No more." }""", new Stops(ErrorKind.Credentials, "No more."));
            yield return Batch("""{ "type": "error-id-empty" }""", new Recovers());
            yield return Batch("""{ "type": "error-file-empty" }""", new Recovers());
            yield return Batch("""{ "type": "iso-times" }""", new Recovers());
            yield return Batch("""{ "type": "all-errors", "status": 429, "code": "insufficient_quota" }""", new Stops(ErrorKind.Credentials, "has no quota left"));
        }

        foreach (var gets in (int[])[1, 3])
        {
            yield return Batch($$"""{ "type": "not-found", "gets": {{gets}} }""", new Recovers());
            yield return Batch($$"""{ "type": "output-id-null", "gets": {{gets}} }""", new Recovers());
            foreach (var state in (string[])["paused", "", "validating", "completed", "ended", "canceling", "expired", "in_progress"])
            {
                yield return Batch($$"""{ "type": "show-state", "state": "{{state}}", "gets": {{gets}} }""", new Recovers());
            }
        }

        yield return Batch("""{ "type": "not-found", "gets": 10 }""", new Recovers());
        foreach (var status in Transient(provider))
        {
            yield return Batch($$"""{ "type": "all-errors", "status": {{status}} }""", new Recovers());
        }

        foreach (var status in (int[])[400, 401, 403, 404, 413])
        {
            yield return Batch($$"""{ "type": "all-errors", "status": {{status}}, "message": "Never." }""", new Fails(First, "Never."));
        }

        foreach (var end in (string[])["expired", "cancelled"])
        {
            foreach (var fraction in (string[])["0", "0.4", "0.7", "1"])
            {
                yield return Batch($$"""{ "type": "{{end}}", "fraction": {{fraction}} }""", new Recovers());
            }

            yield return Batch($$"""{ "type": "{{end}}", "fraction": 0.4 }""", new Recovers(), times: 2);
        }

        foreach (var fault in (string[])["rows-shuffled", "no-final-newline", "blank-lines", "crlf", "bom", "upper-case-states", "counters-backwards", "null-counts"])
        {
            yield return Batch($$"""{ "type": "{{fault}}" }""", new Recovers(), times: 2);
        }

        yield return Batch("""{ "type": "null-counts", "members": true }""", new Recovers(), times: 2);

        // Lists that do not show a new batch: within the patience it is found, beyond it made again, and the twin is named once it is shown.
        yield return Batch("""{ "type": "list-lag", "seconds": 5 }""", new Recovers());
        yield return Lagging(LostCreate, 1, new Recovers()) with { Config = Patient };
        yield return Lagging(LostCreate, 10, new Recovers()) with { Config = Patient };
        yield return Lagging(LostCreate, 60, new Recovers(First)) with { BatchDelay = 80 };
        if (provider == "openai")
        {
            // The patience begins when the answer is given up, not with the call.
            yield return Lagging("""{ "type": "delay", "seconds": 300, "after": true }""", 135, new Recovers()) with { Config = Patient };
        }

        // Oddities of a batch whose answer was lost, too.
        foreach (var fault in (string[])["""{ "type": "null-counts" }""", """{ "type": "upper-case-states" }""", """{ "type": "show-state", "gets": 2 }""", """{ "type": "not-found", "gets": 3 }""", """{ "type": "expired", "fraction": 0 }""", """{ "type": "rows-shuffled" }"""])
        {
            yield return new FaultCase(provider, "create", $"[{Rule(provider, "create", LostCreate)}, {Rule(provider, "create", fault)}]", new Recovers());
        }

        FaultCase Batch(string fault, Ending ending, int times = 1) => new(provider, "create", $"[{Rule(provider, "create", fault, times)}]", ending);

        FaultCase Lagging(string lost, int seconds, Ending ending) =>
            new(provider, "create", $$"""[{{Rule(provider, "create", lost)}}, {{Rule(provider, "create", $$"""{ "type": "list-lag", "seconds": {{seconds}} }""")}}]""", ending);
    }

    private static IEnumerable<FaultCase> Lines(string provider)
    {
        foreach (var status in Transient(provider))
        {
            yield return Line($$"""{ "type": "line-error", "status": {{status}}, "attempts": 1 }""", new Recovers(), times: -1);
        }

        foreach (var status in (int[])[400, 401, 403, 404, 413])
        {
            yield return Line($$"""{ "type": "line-error", "status": {{status}}, "message": "Never." }""", new Fails(1, "Never."), match: "Question 3 ");
        }

        yield return Line("""{ "type": "line-error", "status": 500, "message": "No luck." }""", new Fails(1, "No luck."), times: 3, match: "Question 1 ");
        yield return Line("""{ "type": "line-error", "status": 402 }""", new Stops(ErrorKind.Credentials, "has no quota left"));
        // A line without a row was perhaps answered: it is asked again.
        yield return Line("""{ "type": "row-missing" }""", new Recovers(1));
        yield return Line("""{ "type": "row-missing" }""", new Recovers(5), times: 5);
        yield return Line("""{ "type": "row-twice" }""", new Recovers(), times: -1);
        yield return Line("""{ "type": "row-unknown-id" }""", new Recovers(), times: -1);
        yield return Line("""{ "type": "row-long", "bytes": 3000000 }""", new Recovers()) with { HasOtherAnswers = true };
        // Beyond the cap of a line.
        yield return Line("""{ "type": "row-long", "bytes": 68000000 }""", new Recovers(1));
        if (provider == "openai")
        {
            yield return Line("""{ "type": "row-status-zero" }""", new Recovers());
            yield return Line("""{ "type": "row-status-zero" }""", new Recovers(), times: 5);
        }

        FaultCase Line(string fault, Ending ending, int times = 1, string? match = null) => new(provider, "line", $"[{Rule(provider, "line", fault, times, match)}]", ending);
    }

    /// <summary>Returns what another try may cure. A line of Anthropic's tells no status, only the type that goes with it.</summary>
    private static int[] Transient(string provider) => provider == "openai" ? [408, 409, 429, 500, 503, 529] : [409, 429, 500, 503, 504, 529];

    private static IEnumerable<FaultCase> Cancels(string provider)
    {
        string[] faults =
        [
            """{ "type": "http-status", "status": 500 }""", """{ "type": "http-status", "status": 404 }""", """{ "type": "http-status", "status": 409, "after": true }""",
            """{ "type": "http-status", "status": 429, "retry_after": 1e300 }""", """{ "type": "drop" }""", """{ "type": "drop", "after": true }""", """{ "type": "reset" }""",
            """{ "type": "delay", "seconds": 1 }""", """{ "type": "garbage" }""", """{ "type": "garbage", "body": "[]" }""", """{ "type": "gzip-bomb", "bytes": 50000000 }""",
        ];
        return faults.Select(fault => new FaultCase(provider, "cancel", $"[{Rule(provider, "cancel", fault)}]", new Recovers()) { BatchDelay = 15, IsCancelled = true });
    }

    /// <summary>Makes a case of one fault of an exchange.</summary>
    private static FaultCase One(string provider, string phase, string fault, Ending ending, int times = 1, string? match = null)
    {
        var rule = Rule(provider, phase, fault, times, match);
        return new FaultCase(provider, phase, phase == "list" ? $"[{Rule(provider, "create", LostCreate)}, {rule}]" : $"[{rule}]", ending)
        {
            Config = phase == "live" ? LiveConfig : "batch: { max_requests: 3 }",
        };
    }

    private static string Rule(string provider, string operation, string fault, int times = 1, string? match = null) =>
        $$"""{ "when": { "provider": "{{provider}}", "operation": "{{operation}}"{{(match is null ? "" : $", \"match\": \"{match}\"")}} }, "times": {{times}}, "fault": {{fault}} }""";
}
