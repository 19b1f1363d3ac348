using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Sluice.Experiments.Replaying;

/// <summary>Writes a line of <c>results.jsonl</c>. Nothing volatile goes in: the same answers give the same bytes.</summary>
internal sealed class ResultLine : IDisposable
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly IBufferWriter<byte> _output;
    private readonly Utf8JsonWriter _writer;

    public ResultLine(IBufferWriter<byte> output)
    {
        _output = output;
        _writer = new Utf8JsonWriter(output, Options);
    }

    public void Write(ExperimentPlan plan, SampleRun sample)
    {
        _writer.Reset(_output);
        _writer.WriteStartObject();
        _writer.WriteString("sample"u8, sample.Record.Id);
        _writer.WriteNumber("epoch"u8, sample.Epoch);
        _writer.WriteString("status"u8, sample.Status switch { SampleStatus.Done => "done"u8, SampleStatus.Failed => "failed"u8, _ => "pending"u8 });
        _writer.WriteStartObject("steps"u8);
        Span<byte> key = stackalloc byte[Requests.RequestKey.TextLength];
        for (var i = 0; i < sample.Answered; i++)
        {
            var answer = sample.Answers[i]!;
            _writer.WriteStartObject(plan.Steps[i].Name);
            _writer.WriteString("text"u8, answer.Text);
            _writer.WriteString("finish"u8, answer.Finish);
            _writer.WriteNumber("input_tokens"u8, answer.Usage.Input);
            _writer.WriteNumber("output_tokens"u8, answer.Usage.Output);
            sample.Keys[i].WriteText(key);
            _writer.WriteString("key"u8, key);
            _writer.WriteEndObject();
        }

        _writer.WriteEndObject();
        _writer.WriteStartObject("scores"u8);
        if (sample.Status == SampleStatus.Done)
        {
            for (var i = 0; i < sample.Scores.Length; i++)
            {
                _writer.WriteNumber(plan.Scores[i].Name, sample.Scores[i]);
            }
        }

        _writer.WriteEndObject();
        _writer.WriteString("error"u8, sample.Error);
        _writer.WriteEndObject();
        _writer.Flush();
        _output.Write("\n"u8);
    }

    public void Dispose() => _writer.Dispose();
}
