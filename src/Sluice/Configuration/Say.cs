using System.Text;

namespace Sluice.Configuration;

/// <summary>Puts found values into messages: on one line, in quotes, not too long.</summary>
internal static class Say
{
    private const int Longest = 60;

    public static string Quoted(string text) => '"' + Short(text) + '"';

    /// <summary>Says what a node is: its value when that is short enough to be shown, else its kind.</summary>
    public static string Found(ConfigNode node) => node switch
    {
        ConfigScalar { Type: ScalarKind.Null } => "nothing",
        ConfigScalar { Type: ScalarKind.Text } scalar => Quoted(scalar.Text),
        ConfigScalar scalar => Short(scalar.Text),
        _ => node.Kind,
    };

    public static string Short(string text)
    {
        var shown = new StringBuilder();
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (shown.Length >= Longest)
            {
                return shown.Append('…').ToString();
            }

            shown.Append(Rune.IsControl(rune) ? " " : rune.ToString());
        }

        return shown.ToString();
    }

    public static string OneOf(IEnumerable<string> options) => string.Join(", ", options);

    public static string Count(int count, string one) => count == 1 ? $"1 {one}" : $"{count} {one}s";
}
