using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Sluice.Configuration;

/// <summary>Writes the JSON Schema (draft 2020-12) of an experiment file, with which editors complete and check YAML.</summary>
public static class ExperimentSchema
{
    /// <summary>The pattern of texts that stand for something else: a reference, or a value still to be given.</summary>
    private const string Reference = @"\$\{|^\?\?\?$";

    /// <summary>Gives the schema as indented JSON.</summary>
    public static string Write()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("$schema", "https://json-schema.org/draft/2020-12/schema");
            json.WriteString("title", "Sluice experiment");
            json.WriteString("type", "object");
            json.WriteStartObject("properties");
            WriteFields(json, ExperimentFields.Experiment);
            WriteHydra(json);
            json.WriteStartObject("sluice");
            json.WriteString("description", "the experiment, inside a config that another program reads too; resolvers: values of resolvers that only exist in Python code");
            json.WriteString("type", "object");
            json.WriteStartObject("properties");
            WriteFields(json, ExperimentFields.Experiment);
            json.WriteStartObject("resolvers");
            json.WriteString("type", "object");
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteBoolean("additionalProperties", false);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static void WriteHydra(Utf8JsonWriter json)
    {
        json.WriteStartObject("defaults");
        json.WriteString("description", "Hydra's defaults list: the configs that are composed");
        json.WriteString("type", "array");
        json.WriteEndObject();
        json.WriteStartObject("hydra");
        json.WriteString("description", "Hydra's own settings");
        json.WriteString("type", "object");
        json.WriteEndObject();
    }

    private static void WriteFields(Utf8JsonWriter json, FieldSet fields)
    {
        foreach (Field field in fields.All)
        {
            json.WriteStartObject(field.Name);
            json.WriteString("description", field.About);
            json.WriteStartArray("anyOf");
            if (field.Shape is { } shape)
            {
                WriteValue(json, shape);
            }
            else if (field.IsList)
            {
                json.WriteStartObject();
                json.WriteString("type", "array");
                json.WriteStartObject("items");
                WriteMapping(json, field.Inner!);
                json.WriteEndObject();
                json.WriteEndObject();
            }
            else
            {
                WriteContainer(json, field);
            }

            WriteAlternatives(json, field);
            json.WriteEndArray();
            json.WriteEndObject();
        }
    }

    private static void WriteContainer(Utf8JsonWriter json, Field field)
    {
        json.WriteStartObject();
        if (field.Inner is { } inner)
        {
            WriteMapping(json, inner);
        }
        else
        {
            json.WriteString("type", field.Name == "messages" ? "array" : "object");
        }

        json.WriteEndObject();
    }

    private static void WriteMapping(Utf8JsonWriter json, FieldSet fields)
    {
        json.WriteString("type", "object");
        json.WriteStartObject("properties");
        WriteFields(json, fields);
        json.WriteEndObject();
        json.WriteBoolean("additionalProperties", false);
    }

    private static void WriteValue(Utf8JsonWriter json, ValueShape shape)
    {
        json.WriteStartObject();
        if (shape is { Type: "string", Options: null })
        {
            // A number where a text is wanted counts as the text it was written as.
            json.WriteStartArray("type");
            json.WriteStringValue("string");
            json.WriteStringValue("number");
            json.WriteEndArray();
        }
        else
        {
            json.WriteString("type", shape.Type);
        }

        if (shape.Least is { } least)
        {
            json.WriteNumber(shape.IsLeastExcluded ? "exclusiveMinimum" : "minimum", least);
        }

        if (shape.Most is { } most)
        {
            json.WriteNumber("maximum", most);
        }

        if (shape is { Type: "array" })
        {
            json.WriteStartObject("items");
            WriteOptions(json, shape.Options!);
            json.WriteEndObject();
        }
        else if (shape.Options is { } options)
        {
            WriteOptions(json, options);
        }

        json.WriteEndObject();
    }

    private static void WriteOptions(Utf8JsonWriter json, IReadOnlyList<string> options)
    {
        json.WriteStartArray("enum");
        foreach (string option in options)
        {
            json.WriteStringValue(option);
        }

        json.WriteEndArray();
    }

    private static void WriteAlternatives(Utf8JsonWriter json, Field field)
    {
        json.WriteStartObject();
        json.WriteString("type", "null");
        json.WriteEndObject();
        if (field.Shape is { Type: "string", Options: null })
        {
            return;
        }

        json.WriteStartObject();
        json.WriteString("type", "string");
        if (field.Shorthand is null)
        {
            json.WriteString("pattern", Reference);
        }

        json.WriteEndObject();
    }
}
