using System.Text.Json;
using Parquet.Schema;

namespace Sluice.Datasets;

/// <summary>A field of the schema that writes its part of one record from the columns below it.</summary>
/// <remarks>
/// This is the record assembly of the Dremel paper as a recursive descent: a node looks at its first column to see whether it
/// exists in this record, writes itself, and leaves every column below it at the next record (or list element). A map is a list
/// of objects with key and value, since its keys need not be texts, nor unique.
/// </remarks>
internal abstract class ParquetNode(string name, ParquetColumn first)
{
    public JsonEncodedText Name { get; } = JsonEncodedText.Encode(name);

    /// <summary>Gets a column whose levels stand for the node.</summary>
    public ParquetColumn First { get; } = first;

    /// <summary>Writes the node's value at the cursor and goes on.</summary>
    public abstract void Write(Utf8JsonWriter writer);

    /// <summary>Goes past a place where the node does not exist.</summary>
    public abstract void Pass();

    /// <summary>Builds the node of a field, and adds the columns it needs.</summary>
    /// <param name="field">The field of the schema.</param>
    /// <param name="definition">The definition level of what the field is in.</param>
    /// <param name="repetition">The same for the repetition level.</param>
    /// <param name="columns">Receives the columns.</param>
    public static ParquetNode Of(Field field, int definition, int repetition, List<ParquetColumn> columns)
    {
        switch (field)
        {
            case DataField leaf:
                ParquetColumn column = ParquetTypes.ColumnOf(leaf);
                columns.Add(column);
                definition += leaf.IsNullable || leaf.IsArray ? 1 : 0;
                repetition += leaf.IsArray ? 1 : 0;
                if (leaf.MaxDefinitionLevel != definition || leaf.MaxRepetitionLevel != repetition)
                {
                    throw Unsupported(field);
                }

                var value = new ParquetValue(leaf.Name, column);
                return leaf.IsArray ? new ParquetList(value, leaf.Name, definition - 1, repetition) : value;

            case ListField list:
                definition += list.IsNullable ? 1 : 0;
                return new ParquetList(Of(list.Item, definition + 1, repetition + 1, columns), list.Name, definition, repetition + 1);

            case StructField structure:
                definition += structure.IsNullable ? 1 : 0;
                return new ParquetStruct(structure.Name, definition, [.. structure.Fields.Select(f => Of(f, definition, repetition, columns))]);

            case MapField map:
                definition += map.IsNullable ? 1 : 0;
                ParquetNode[] entry =
                [
                    Of(map.Key, definition + 1, repetition + 1, columns),
                    Of(map.Value, definition + 1, repetition + 1, columns),
                ];
                return new ParquetList(new ParquetStruct("entry", definition + 1, entry), map.Name, definition, repetition + 1);

            default:
                throw Unsupported(field);
        }
    }

    private static InvalidTextException Unsupported(Field field) => new(
        $"column '{field.Path}' has a nesting that is not supported", "convert the file to jsonl.zst, or leave the column out when writing it");
}

/// <summary>A single value or null.</summary>
internal sealed class ParquetValue(string name, ParquetColumn column) : ParquetNode(name, column)
{
    public override void Write(Utf8JsonWriter writer) => First.Write(writer);

    public override void Pass() => First.Pass();
}

/// <summary>An object or null.</summary>
internal sealed class ParquetStruct(string name, int definition, ParquetNode[] fields) : ParquetNode(name, fields[0].First)
{
    public override void Write(Utf8JsonWriter writer)
    {
        if (First.Definition < definition)
        {
            writer.WriteNullValue();
            Pass();
            return;
        }

        writer.WriteStartObject();
        foreach (ParquetNode field in fields)
        {
            writer.WritePropertyName(field.Name);
            field.Write(writer);
        }

        writer.WriteEndObject();
    }

    public override void Pass()
    {
        foreach (ParquetNode field in fields)
        {
            field.Pass();
        }
    }
}

/// <summary>A list or null; <paramref name="definition"/> is the level at which the list itself exists, though it may be empty.</summary>
internal sealed class ParquetList(ParquetNode item, string name, int definition, int repetition) : ParquetNode(name, item.First)
{
    public override void Write(Utf8JsonWriter writer)
    {
        if (First.Definition < definition)
        {
            writer.WriteNullValue();
            Pass();
            return;
        }

        writer.WriteStartArray();
        if (First.Definition == definition)
        {
            Pass();
        }
        else
        {
            do
            {
                item.Write(writer);
            }
            while (First.Repetition == repetition);
        }

        writer.WriteEndArray();
    }

    public override void Pass() => item.Pass();
}
