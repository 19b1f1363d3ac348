using System.Text;

namespace Sluice.Bench;

/// <summary>Datasets of about 1 KB per sample, the same on every machine.</summary>
internal static class SampleFile
{
    public static void Write(string path, long samples)
    {
        var random = new Random(1);
        var words = Enumerable.Range(0, 3000).Select(_ => string.Concat(Enumerable.Range(0, random.Next(2, 9)).Select(_ => (char)('a' + random.Next(26))))).ToArray();
        using var writer = new StreamWriter(path, append: false, new UTF8Encoding(false), 1 << 20) { NewLine = "\n" };
        var text = new StringBuilder();
        for (long i = 0; i < samples; i++)
        {
            text.Clear();
            while (text.Length < 900)
            {
                text.Append(words[random.Next(words.Length)]).Append(' ');
            }

            writer.WriteLine($$"""{"id":"s{{i}}","question":"{{text}}","answer":"{{i % 97}}"}""");
        }
    }
}
