using System.Runtime.CompilerServices;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Faults;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Statistics;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Batches;

/// <summary>Executes the lines of one batch, from its input file to its result files.</summary>
internal sealed class BatchExecutor(AnswerText answers, SimulatorOptions options, FaultEngine faults, ProviderCounters stats)
{
    /// <summary>How many lines lie between two looks at a cancellation and two reports of progress.</summary>
    private const int LinesPerStep = 256;

    /// <summary>The length that a long row has when the script does not say.</summary>
    private const int LongRowBytes = 1024 * 1024;

    private readonly Completion _completion = new(answers, options.KnownModels);
    private readonly ulong[] _answered = new ulong[LinesPerStep];
    private int _answeredCount;
    private long _number;
    private long _succeeded;
    private long _errored;
    private long _notRun;
    private long _reported;
    private long _inputTokens;
    private long _outputTokens;
    private Stop _stop;

    /// <param name="progress">Is told the tally now and then, and says whether to stop.</param>
    public async Task<BatchTally> RunAsync(
        BatchPlan plan, IRowDialect rows, Func<BatchTally, bool> progress, CancellationToken cancellationToken)
    {
        var run = new Run(plan, rows, progress, StableHash.Of(System.Text.Encoding.UTF8.GetBytes(plan.InputPath)), faults.HasLineRules(plan.Api));
        var input = DataFiles.OpenRead(plan.InputPath);
        await using var closing = input.ConfigureAwait(false);
        using var lines = new LineReader(input);
        do
        {
            while (RunSome(run, lines))
            {
                cancellationToken.ThrowIfCancellationRequested();
                await rows.FlushIfLargeAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        while (await lines.FillAsync(cancellationToken).ConfigureAwait(false));

        // A batch whose every line came before the planned stop is stopped all the same.
        _stop = _stop == Stop.None ? plan.PlannedStop : _stop;
        Report(progress);
        return Tally();
    }

    /// <summary>Executes lines that are in the buffer. Not asynchronous, and compiled well at once: this is the hot loop.</summary>
    /// <returns>False when the buffer is empty; true after a step, or when rows should go to disk.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool RunSome(Run run, LineReader lines)
    {
        while (lines.TryRead(out var line))
        {
            if (line.Span.IndexOfAnyExcept(" \t"u8) < 0)
            {
                continue;
            }

            if (_number % LinesPerStep == 0)
            {
                Report(run.Progress);
            }

            if (_number >= run.StopAt && _stop == Stop.None)
            {
                _stop = run.Plan.PlannedStop;
            }

            run.Rows.Read(line);
            RunLine(run.Plan, run.Rows, StableHash.Mix(run.Seed + (ulong)_number), run.HasLineRules);
            _number++;
            if (_number % LinesPerStep == 0 || run.Rows.WantsFlush)
            {
                return true;
            }
        }

        return false;
    }

    private BatchTally Tally() => new(_succeeded, _errored, _notRun, _inputTokens, _outputTokens, _stop);

    private void Report(Func<BatchTally, bool> progress)
    {
        stats.Answered(_answered.AsSpan(0, _answeredCount));
        _answeredCount = 0;
        stats.Lines(_succeeded + _errored - _reported);
        _reported = _succeeded + _errored;
        if (progress(Tally()) && _stop == Stop.None)
        {
            _stop = Stop.Cancelled;
        }
    }

    private void RunLine(BatchPlan plan, IRowDialect rows, ulong seed, bool hasLineRules)
    {
        var customId = rows.CustomId;
        if (_stop != Stop.None)
        {
            rows.WriteNotRun(_stop, plan.StopFault, seed, customId);
            _notRun++;
            return;
        }

        _completion.Answer(rows.Body, rows.Endpoint, inBatch: true);
        _completion.Seed = seed;
        var error = _completion.Error;
        if (plan.Faults.TryGet(FaultKind.AllErrors, out var all))
        {
            error = FaultErrors.ErrorOf(all, plan.Api);
        }

        if (hasLineRules)
        {
            var request = _completion.Request;
            var hits = faults.Take(plan.Api, Operations.Line, request.Model, customId, request.Prompt, request.Hash);
            if (hits.All.Count > 0)
            {
                RunFaultyLine(hits, rows, seed, error);
                return;
            }
        }

        Write(rows, error, seed, customId, 1);
    }

    private void RunFaultyLine(FaultSet hits, IRowDialect rows, ulong seed, ApiError? error)
    {
        var times = hits.Has(FaultKind.RowMissing) ? 0 : hits.Has(FaultKind.RowTwice) ? 2 : 1;
        if (hits.TryGet(FaultKind.LineError, out var fault))
        {
            error = FaultErrors.ErrorOf(fault, rows.Api);
        }

        if (hits.TryGet(FaultKind.RowLong, out var longer) && error is null)
        {
            _completion.Lengthen(longer.Bytes ?? LongRowBytes);
        }

        if (hits.Has(FaultKind.RowUnknownId))
        {
            if (error is null)
            {
                rows.WriteSuccess(_completion, "\"nobody-sent-this\""u8, 1);
            }
            else
            {
                rows.WriteError(error, seed, "\"nobody-sent-this\""u8, 1);
            }
        }

        if (hits.Has(FaultKind.RowStatusZero) && rows.Api == Api.OpenAI)
        {
            rows.WriteStatusZero(seed, rows.CustomId);
            _succeeded++;
            return;
        }

        Write(rows, error, seed, rows.CustomId, times);
    }

    private void Write(IRowDialect rows, ApiError? error, ulong seed, ReadOnlySpan<byte> customId, int times)
    {
        if (error is not null)
        {
            _errored++;
            if (times > 0)
            {
                rows.WriteError(error, seed, customId, times);
            }

            return;
        }

        _succeeded++;
        _inputTokens += _completion.InputTokens;
        _outputTokens += _completion.OutputTokens;
        _answered[_answeredCount++] = _completion.Request.Hash;
        if (times > 0)
        {
            rows.WriteSuccess(_completion, customId, times);
        }
    }

    private sealed record Run(BatchPlan Plan, IRowDialect Rows, Func<BatchTally, bool> Progress, ulong Seed, bool HasLineRules)
    {
        public long StopAt { get; } = Plan.LinesBeforeStop;
    }
}
