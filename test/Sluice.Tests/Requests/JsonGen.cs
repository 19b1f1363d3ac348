using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;

namespace Sluice.Tests.Requests;

/// <summary>Random JSON, and other spellings of it.</summary>
internal static class JsonGen
{
    public static readonly Gen<string> Text = Gen.OneOf(
        Gen.OneOf("", "model", "\u20ac", "\ud83d\ude00", "\ufb33", "\u0080", "\"", "\\", "/", "\n\t\u0001", "{{", "ü🦆"),
        Gen.String[Gen.Char['\0', '\ud7ff'], 0, 12]);

    private static readonly Gen<double> Number = Gen.OneOf(
        Gen.Double.Where(d => double.IsFinite(d) && Math.Abs(d) < 1e15), Gen.Int.Select(i => (double)i), Gen.Int[-20, 20].Select(i => i / 10.0), Gen.OneOf(0.0, 100, 1e-7, 5e-324, 9007199254740992));

    private static readonly Gen<JsonNode?> Scalar = Gen.OneOf<JsonNode?>(
        Text.Select(t => (JsonNode?)t), Number.Select(n => (JsonNode?)n), Gen.Bool.Select(b => (JsonNode?)b), Gen.Const<JsonNode?>(() => null));

    public static readonly Gen<JsonNode?> Value = Nested(3);

    public static readonly Gen<JsonObject> Object = Members(Nested(2));

    public static bool HasNumbers(JsonNode? node) => node switch
    {
        JsonObject o => o.Any(m => HasNumbers(m.Value)),
        JsonArray a => a.Any(HasNumbers),
        null => false,
        _ => node.GetValueKind() == JsonValueKind.Number,
    };

    /// <summary>Writes the same value with members in another order, other white space, and numbers and strings spelled differently.</summary>
    public static string Respell(JsonNode? node, Random random)
    {
        var text = new StringBuilder();
        Write(node);
        return text.ToString();

        void Space() => text.Append(random.Next(4) == 0 ? " \n\t"[random.Next(3)] : "");

        void Write(JsonNode? value)
        {
            Space();
            switch (value)
            {
                case JsonObject o:
                    JoinAll('{', o.OrderBy(_ => random.Next()), m => { String(m.Key); text.Append(':'); Write(m.Value); }, '}');
                    break;
                case JsonArray a:
                    JoinAll('[', a, Write, ']');
                    break;
                case null:
                    text.Append("null");
                    break;
                default:
                    Scalar(value);
                    break;
            }

            Space();
        }

        void JoinAll<T>(char open, IEnumerable<T> items, Action<T> write, char close)
        {
            text.Append(open);
            bool first = true;
            foreach (T item in items)
            {
                text.Append(first ? "" : ",");
                first = false;
                write(item);
            }

            text.Append(close);
        }

        void String(string value)
        {
            text.Append('"');
            foreach (char c in value)
            {
                text.Append(c < ' ' || c is '"' or '\\' || (!char.IsSurrogate(c) && random.Next(5) == 0) ? $"\\u{(int)c:x4}" : c.ToString());
            }

            text.Append('"');
        }

        void Scalar(JsonNode value)
        {
            switch (value.GetValueKind())
            {
                case JsonValueKind.String:
                    String(value.GetValue<string>());
                    break;
                case JsonValueKind.Number:
                    double number = double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture);
                    string[] spellings = [value.ToJsonString(), number.ToString("E16", CultureInfo.InvariantCulture), number.ToString("e20", CultureInfo.InvariantCulture)];
                    text.Append(number == Math.Floor(number) && Math.Abs(number) < 1e6 && random.Next(3) == 0
                        ? number.ToString("0", CultureInfo.InvariantCulture) + ".0" : spellings[random.Next(spellings.Length)]);
                    break;
                default:
                    text.Append(value.ToJsonString());
                    break;
            }
        }
    }

    private static Gen<JsonNode?> Nested(int depth) => depth == 0 ? Scalar : Gen.OneOf(
        Scalar,
        Nested(depth - 1).Array[0, 4].Select(items => (JsonNode?)new JsonArray([.. items.Select(i => i?.DeepClone())])),
        Members(Nested(depth - 1)).Select(o => (JsonNode?)o));

    private static Gen<JsonObject> Members(Gen<JsonNode?> value) => Gen.Select(Text, value).Array[0, 5].Select(members =>
    {
        var o = new JsonObject();
        foreach ((string name, JsonNode? member) in members)
        {
            o[name] = member?.DeepClone();
        }

        return o;
    });
}
