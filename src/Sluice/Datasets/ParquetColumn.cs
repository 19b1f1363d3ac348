using System.Text.Json;
using Parquet;
using Parquet.Schema;

namespace Sluice.Datasets;

/// <summary>One leaf column of the current row group, with a cursor that moves value by value.</summary>
/// <remarks>
/// A Parquet column is a list of the values that are there, and for each place a definition level (how much of the path to the
/// value exists) and a repetition level (which list on the path goes on). <see cref="ParquetNode"/> reads records from them.
/// </remarks>
internal abstract class ParquetColumn(DataField field)
{
    private int[] _definition = [];
    private int[] _repetition = [];
    private int _places;
    private int _place;

    /// <summary>Gets the column's description in the file.</summary>
    public DataField Field { get; } = field;

    /// <summary>Gets how much of the path to the value exists at the cursor.</summary>
    public int Definition => Field.MaxDefinitionLevel == 0 ? 0 : _definition[_place];

    /// <summary>Gets which list goes on at the cursor, or -1 at the end of the row group.</summary>
    public int Repetition => _place == _places ? -1 : Field.MaxRepetitionLevel == 0 ? 0 : _repetition[_place];

    /// <summary>Reads the column of a row group.</summary>
    public async ValueTask LoadAsync(ParquetRowGroupReader group, CancellationToken cancellationToken)
    {
        long places = group.GetMetadata(Field)?.MetaData?.NumValues
            ?? throw new InvalidTextException($"column '{Field.Path}' is missing from a row group", "the file is damaged; write it again");
        _place = 0;
        _places = checked((int)places);
        Memory<int>? definition = Field.MaxDefinitionLevel == 0 ? default(Memory<int>?) : Room(ref _definition, _places);
        Memory<int>? repetition = Field.MaxRepetitionLevel == 0 ? default(Memory<int>?) : Room(ref _repetition, _places);
        try
        {
            await ReadValuesAsync(group, _places, definition, repetition, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not (OperationCanceledException or OutOfMemoryException or IOException))
        {
            // Parquet.Net reports damage and what it does not support by many types, NullReferenceException included.
            throw new InvalidTextException(
                $"column '{Field.Path}' cannot be read: {error.Message}",
                "write it again with plain data pages (version 1), or convert it to jsonl.zst",
                error);
        }
    }

    /// <summary>Writes the value at the cursor and goes on.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        if (Definition < Field.MaxDefinitionLevel)
        {
            writer.WriteNullValue();
        }
        else
        {
            WriteValue(writer);
        }

        _place++;
    }

    /// <summary>Goes past a place that holds no value.</summary>
    public void Pass() => _place++;

    protected abstract ValueTask ReadValuesAsync(
        ParquetRowGroupReader group, int places, Memory<int>? definition, Memory<int>? repetition, CancellationToken cancellationToken);

    protected abstract void WriteValue(Utf8JsonWriter writer);

    protected static Memory<T> Room<T>(ref T[] array, int length)
    {
        if (array.Length < length)
        {
            array = new T[length];
        }

        return array.AsMemory(0, length);
    }
}

/// <summary>A column whose values are of one type.</summary>
internal sealed class ParquetColumn<T>(DataField field, Action<Utf8JsonWriter, T> write) : ParquetColumn(field)
    where T : struct
{
    private T[] _values = [];
    private int _value;

    protected override ValueTask ReadValuesAsync(
        ParquetRowGroupReader group, int places, Memory<int>? definition, Memory<int>? repetition, CancellationToken cancellationToken)
    {
        _value = 0;
        Array.Clear(_values);
        return group.ReadRawAsync(Field, Room(ref _values, places), definition, repetition, cancellationToken);
    }

    protected override void WriteValue(Utf8JsonWriter writer) => write(writer, _values[_value++]);
}
