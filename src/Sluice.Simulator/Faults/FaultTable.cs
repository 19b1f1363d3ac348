namespace Sluice.Simulator.Faults;

/// <summary>Every fault there is: its name in a script, where it works, its parameters and what it does.</summary>
internal static class FaultTable
{
    public static IReadOnlyList<FaultEntry> Entries { get; } =
    [
        new(FaultKind.HttpStatus, "http-status", FaultScope.Exchange, "status message code error_type body html content_type headers retry_after after",
            "Answers with this status and the provider's error body, or with `body`, or with an HTML page. `retry_after` is sent as it stands, be it a number or any text; \"date+N\" is the date in N seconds. With `after` the operation is carried out first."),
        new(FaultKind.Drop, "drop", FaultScope.Exchange, "after",
            "Closes the connection without an answer; with `after` the operation is carried out first (the lost answer to a create)."),
        new(FaultKind.Reset, "reset", FaultScope.Exchange, "fraction",
            "Reads this fraction (0.5) of the request's body and resets the connection; the operation is not carried out. It is chosen before the body is known: `match` sees the path only."),
        new(FaultKind.Delay, "delay", FaultScope.Exchange, "seconds after",
            "Waits `seconds` (1) before it does anything; with `after` the operation is carried out first and the answer waits (a time-out after acceptance)."),
        new(FaultKind.Garbage, "garbage", FaultScope.Exchange, "body", "Carries the operation out and answers 200 with a body that is not JSON."),
        new(FaultKind.GzipBomb, "gzip-bomb", FaultScope.Exchange, "bytes",
            "Carries the operation out and answers 200 with `Content-Encoding: gzip`, asked for or not, and a small body that expands to this many spaces (1 GiB)."),
        new(FaultKind.Truncate, "truncate", FaultScope.Download, "fraction content_length",
            "Sends only this fraction (0.5) of the file. With `content_length` (the default) the full length is announced and the connection breaks; with false the answer ends as if it were whole."),
        new(FaultKind.Failed, "failed", FaultScope.Batch, "code message param line", "The create answers 200 and the batch then fails with this error code.", OnlyOpenAI: true),
        new(FaultKind.NotFound, "not-found", FaultScope.Batch, "gets", "The first `gets` (1) reads of the new batch answer 404."),
        new(FaultKind.ListLag, "list-lag", FaultScope.Batch, "seconds", "Lists leave the new batch out for `seconds` (1) after its create; reads by its id work."),
        new(FaultKind.AllErrors, "all-errors", FaultScope.Batch, "status code error_type message", "Every line ends as an error (500)."),
        new(FaultKind.Expired, "expired", FaultScope.Batch, "fraction code message", "Only this fraction (0.5) of the lines is executed, then the batch expires."),
        new(FaultKind.Cancelled, "cancelled", FaultScope.Batch, "fraction code message", "Only this fraction (0.5) of the lines is executed, then the batch is cancelled."),
        new(FaultKind.RowsShuffled, "rows-shuffled", FaultScope.Batch, "", "Result rows come in another order than the lines."),
        new(FaultKind.NoFinalNewline, "no-final-newline", FaultScope.Batch, "", "Result files end without a line feed."),
        new(FaultKind.BlankLines, "blank-lines", FaultScope.Batch, "", "Result files have an empty line after each row."),
        new(FaultKind.Crlf, "crlf", FaultScope.Batch, "", "Result rows end with CR LF."),
        new(FaultKind.Bom, "bom", FaultScope.Batch, "", "Result files begin with a UTF-8 byte order mark."),
        new(FaultKind.OutputIdNull, "output-id-null", FaultScope.Batch, "gets",
            "The first `gets` (1) reads after the end show `output_file_id` (Anthropic: `results_url`) as null."),
        new(FaultKind.ErrorIdEmpty, "error-id-empty", FaultScope.Batch, "", "A batch without errors shows `error_file_id` as an empty string.", OnlyOpenAI: true),
        new(FaultKind.ErrorFileEmpty, "error-file-empty", FaultScope.Batch, "", "A batch without errors has an error file of zero bytes.", OnlyOpenAI: true),
        new(FaultKind.ShowState, "show-state", FaultScope.Batch, "state gets", "The first `gets` (1) reads show this state (\"paused\") instead of the real one."),
        new(FaultKind.UpperCaseStates, "upper-case-states", FaultScope.Batch, "", "States are written in upper case."),
        new(FaultKind.CountersBackwards, "counters-backwards", FaultScope.Batch, "", "Every second read shows counters lower than the one before."),
        new(FaultKind.NullCounts, "null-counts", FaultScope.Batch, "members", "`request_counts` is null; with `members` it is an object whose members are null."),
        new(FaultKind.IsoTimes, "iso-times", FaultScope.Batch, "", "Times are ISO 8601 texts, as Azure writes them.", OnlyOpenAI: true),
        new(FaultKind.LineError, "line-error", FaultScope.Line, "status code error_type message attempts",
            "The line ends as an error (500). With `attempts`, only the first so many attempts of each body do."),
        new(FaultKind.RowMissing, "row-missing", FaultScope.Line, "", "The line has no row in any result file."),
        new(FaultKind.RowTwice, "row-twice", FaultScope.Line, "", "The line's row is written twice."),
        new(FaultKind.RowUnknownId, "row-unknown-id", FaultScope.Line, "", "A row with a custom_id that nobody sent is added."),
        new(FaultKind.RowStatusZero, "row-status-zero", FaultScope.Line, "", "The row says `status_code` 0 and has no body.", OnlyOpenAI: true),
        new(FaultKind.RowLong, "row-long", FaultScope.Line, "bytes", "The answer's text is at least this long (1 MiB)."),
    ];

    public static FaultEntry? Find(string name) => Entries.FirstOrDefault(entry => entry.Name == name);
}
