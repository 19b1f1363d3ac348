using System.Text;
using CsCheck;
using Sluice.Providers;
using static Sluice.Tests.Providers.DialectCase;

namespace Sluice.Tests.Providers;

/// <summary>Whatever a provider or a proxy sends: it is read, or it is a <see cref="FormatException"/>; an error body is always read.</summary>
public class DialectFuzzTests
{
    private static readonly string[] s_valid =
    [
        """{"id":"b","custom_id":"aé\n","response":{"status_code":200,"request_id":"r","body":{"choices":[{"message":{"content":"4 \ud83e\udd86","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1}}},"error":null}""",
        """{"custom_id":"a","response":{"status_code":400,"body":{"error":{"message":"bad \u00fc","type":"t","code":null}}},"error":null}""",
        """{"custom_id":"a","response":null,"error":{"code":"batch_expired","message":"late"}}""",
        """{"custom_id":"a","response":{"status_code":200,"body":"{\"choices\":[]}"}}""",
        """{"custom_id":"a","response":{"status_code":200,"body":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"error":null,"output":[{"type":"reasoning","summary":[]},{"type":"message","content":[{"type":"output_text","text":"4"}]}],"usage":{"input_tokens":1,"output_tokens":2}}}}""",
        """{"custom_id":"a","result":{"type":"succeeded","message":{"content":[{"type":"text","text":"4"}],"stop_reason":"end_turn","usage":{"input_tokens":2,"cache_read_input_tokens":1,"output_tokens":1}}}}""",
        """{"custom_id":"a","result":{"type":"errored","error":{"type":"error","error":{"type":"api_error","message":"x"}}}}""",
        """{"choices":[{"message":{"content":[{"type":"text","text":"4"}]},"finish_reason":"stop"}],"usage":{}}""",
        """{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"4"}]}]}""",
        """{"content":[{"type":"text","text":"4"}],"stop_reason":"end_turn"}""",
        """{"error":{"message":"m","type":"t","code":"c"}}""",
        """{"detail":[{"msg":"m"}]}""",
    ];

    private static readonly Gen<string> s_dialect = Gen.OneOf("chat", "responses", "messages");

    private static readonly string[] s_pieces = ["\\ud800", "\\u", "\"", "{", "}", "[", "]", ":", ",", "null", "\ufffd", "\\", "\0", "1e999", "\"error\":", "\"custom_id\":", "\"body\":", "\"type\":", "\"message\":", "\"text\":", "\"\\ud83e\"", "\"\\ud800\":1,"];

    private static readonly Gen<byte[]> s_mutated = Gen.Select(Gen.Int[0, s_valid.Length - 1], Gen.Select(Gen.Int[0, 4], Gen.Int[0, 400], Gen.Int[1, 20], Gen.Int[0, s_pieces.Length - 1], Gen.Byte).Array[1, 4]).Select((which, edits) =>
    {
        var bytes = new List<byte>(Encoding.UTF8.GetBytes(s_valid[which]));
        foreach (var (kind, where, length, piece, value) in edits)
        {
            int at = where % (bytes.Count + 1);
            int count = Math.Min(length, bytes.Count - at);
            switch (kind)
            {
                case 0:
                    bytes.RemoveRange(at, count);
                    break;
                case 1:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(s_pieces[piece]));
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(at, count));
                    break;
                case 3:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                default:
                    bytes.Insert(at, value);
                    break;
            }
        }

        return bytes.ToArray();
    });

    /// <summary>Values of another kind where one kind is expected: the JSON stays valid.</summary>
    private static readonly Gen<byte[]> s_swapped = Gen.Select(Gen.Int[0, s_valid.Length - 1], Gen.Int[0, 40], Gen.OneOf("null", "7", "\"x\"", "\"\\ud800\"", "[]", "[{}]", "{}", "true", "{\"a\":[1]}", "1e400")).Select((which, where, value) =>
    {
        var matches = System.Text.RegularExpressions.Regex.Matches(s_valid[which], """(?<=:)("([^"\\]|\\.)*"|\d+|null|\{\}|\[\])""");
        var match = matches.Count == 0 ? null : matches[where % matches.Count];
        return Encoding.UTF8.GetBytes(match is null ? s_valid[which] : string.Concat(s_valid[which].AsSpan(0, match.Index), value, s_valid[which].AsSpan(match.Index + match.Length)));
    });

    private static void ReadAll(string name, byte[] bytes)
    {
        IDialect dialect = Of(name);
        Quietly(() => dialect.ReadBatchLine(bytes));
        Quietly(() => dialect.ReadResponse(bytes, default));
        Quietly(() => dialect.Inspect(bytes));
        RequestError error = dialect.ReadError(500, bytes);
        Assert.NotEmpty(error.Message);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    private static void Quietly(Action read)
    {
        try
        {
            read();
        }
        catch (FormatException)
        {
            // What the contract allows; anything else fails the test.
        }
    }

    [Fact]
    public void Random_bytes_are_read_or_a_format_error() => Gen.Select(s_dialect, Gen.Byte.Array[0, 60]).Sample(ReadAll, iter: 5000);

    [Fact]
    public void Mutated_lines_are_read_or_a_format_error() => Gen.Select(s_dialect, s_mutated).Sample(ReadAll, iter: 30_000);

    [Fact]
    public void Values_of_another_kind_are_read_or_a_format_error() => Gen.Select(s_dialect, s_swapped).Sample(ReadAll, iter: 10_000);

    /// <summary>What is stored must be readable later: an answer that passes the cheap look cannot break the replay.</summary>
    [Fact]
    public void A_body_that_passes_inspection_can_be_read() => Gen.Select(s_dialect, Gen.OneOf(s_mutated, s_swapped)).Sample((name, bytes) =>
    {
        bool passed;
        try
        {
            passed = Of(name).Inspect(bytes).Failure is null;
        }
        catch (FormatException)
        {
            passed = false;
        }

        Assert.True(!passed || Of(name).ReadResponse(bytes, default) is not null);
    }, iter: 30_000);

    [Fact]
    public void Deep_nesting_is_a_format_error()
    {
        string deep = string.Concat(Enumerable.Repeat("{\"a\":", 100)) + "1" + new string('}', 100);
        foreach (string name in (string[])["chat", "responses", "messages"])
        {
            Assert.Throws<FormatException>(() => Line(name, deep));
            Assert.Throws<FormatException>(() => Of(name).ReadResponse(Encoding.UTF8.GetBytes(deep), default));
        }
    }
}
