using System.Buffers;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Answers;

/// <summary>Chooses the text that answers a request: recorded, echoed or synthetic, in this order.</summary>
internal sealed class AnswerText(Recordings? recordings, MissingRecording onMissing)
{
    /// <summary>Appends the text to <paramref name="text"/>.</summary>
    /// <returns>False when there is no recording and synthetic text is not wanted.</returns>
    public bool TryWrite(RequestBody request, ArrayBufferWriter<byte> text)
    {
        if (recordings is not null && recordings.TryWrite(request.Model, request.Prompt, text))
        {
            return true;
        }

        if (TryEcho(request.Prompt, text))
        {
            return true;
        }

        if (recordings is not null && onMissing == MissingRecording.Refuse)
        {
            return false;
        }

        SyntheticText.Write(StableHash.Mix(request.Hash), text);
        return true;
    }

    private static bool TryEcho(ReadOnlySpan<byte> prompt, ArrayBufferWriter<byte> text)
    {
        var at = prompt.IndexOf("echo:"u8);
        if (at < 0)
        {
            return false;
        }

        var rest = prompt[(at + 5)..];
        var end = rest.IndexOf((byte)'\n');
        text.Write((end < 0 ? rest : rest[..end]).Trim((byte)' '));
        return true;
    }
}
