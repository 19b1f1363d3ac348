using System.Globalization;
using System.Text.Json;
using Parquet.Data;
using Parquet.Schema;

namespace Sluice.Datasets;

/// <summary>How each type of Parquet value is written as JSON.</summary>
/// <remarks>
/// Numbers and decimals are numbers, digit for digit; NaN and the infinities, which JSON lacks, are null. Dates, times and
/// timestamps are ISO 8601, with <c>Z</c> when the file says UTC. Binary is base64.
/// </remarks>
internal static class ParquetTypes
{
    /// <summary>Returns a reader for a column.</summary>
    /// <exception cref="InvalidTextException">The column's type has no form in JSON.</exception>
    public static ParquetColumn ColumnOf(DataField field)
    {
        Type type = field.ClrType;
        return type == typeof(ReadOnlyMemory<char>) ? new ParquetColumn<ReadOnlyMemory<char>>(field, static (w, v) => w.WriteStringValue(v.Span))
            : type == typeof(ReadOnlyMemory<byte>) ? new ParquetColumn<ReadOnlyMemory<byte>>(field, static (w, v) => w.WriteBase64StringValue(v.Span))
            : type == typeof(bool) ? new ParquetColumn<bool>(field, static (w, v) => w.WriteBooleanValue(v))
            : NumberColumn(field, type) ?? TimeColumn(field, type) ?? throw new InvalidTextException(
                $"column '{field.Path}' is of type {type.Name}, which has no form in JSON", "leave the column out when writing the file");
    }

    private static ParquetColumn? NumberColumn(DataField field, Type type) =>
        field is TimeDataField ? null
        : type == typeof(sbyte) ? new ParquetColumn<sbyte>(field, static (w, v) => w.WriteNumberValue(v))
        : type == typeof(byte) ? new ParquetColumn<byte>(field, static (w, v) => w.WriteNumberValue(v))
        : type == typeof(short) ? new ParquetColumn<short>(field, static (w, v) => w.WriteNumberValue(v))
        : type == typeof(ushort) ? new ParquetColumn<ushort>(field, static (w, v) => w.WriteNumberValue(v))
        : type == typeof(int) ? new ParquetColumn<int>(field, static (w, v) => w.WriteNumberValue(v))
        : type == typeof(uint) ? new ParquetColumn<uint>(field, static (w, v) => w.WriteNumberValue(v))
        : type == typeof(long) ? new ParquetColumn<long>(field, static (w, v) => w.WriteNumberValue(v))
        : type == typeof(ulong) ? new ParquetColumn<ulong>(field, static (w, v) => w.WriteNumberValue(v))
        : type == typeof(float) ? new ParquetColumn<float>(field, static (w, v) => WriteFloat(w, v))
        : type == typeof(double) ? new ParquetColumn<double>(field, static (w, v) => WriteDouble(w, v))
        : type == typeof(BigDecimal) ? new ParquetColumn<BigDecimal>(field, static (w, v) => w.WriteRawValue(v.ToString()))
        : null;

    private static ParquetColumn? TimeColumn(DataField field, Type type)
    {
        if (field is TimeDataField time)
        {
            long ticks = time.Precision switch
            {
                TimeUnitPrecision.Millis => TimeSpan.TicksPerMillisecond,
                TimeUnitPrecision.Micros => TimeSpan.TicksPerMicrosecond,
                _ => 0,
            };
            return type == typeof(int)
                ? new ParquetColumn<int>(field, (w, v) => WriteTime(w, v * ticks))
                : new ParquetColumn<long>(field, (w, v) => WriteTime(w, ticks == 0 ? v / TimeSpan.NanosecondsPerTick : v * ticks));
        }

        return type == typeof(DateTime) ? new ParquetColumn<DateTime>(field, static (w, v) => w.WriteStringValue(Timestamp(v)))
            : type == typeof(DateOnly) ? new ParquetColumn<DateOnly>(field, static (w, v) => w.WriteStringValue(v.ToString("O", CultureInfo.InvariantCulture)))
            : type == typeof(Guid) ? new ParquetColumn<Guid>(field, static (w, v) => w.WriteStringValue(v))
            : null;
    }

    private static void WriteFloat(Utf8JsonWriter writer, float value)
    {
        if (float.IsFinite(value))
        {
            writer.WriteNumberValue(value);
        }
        else
        {
            writer.WriteNullValue();
        }
    }

    private static void WriteDouble(Utf8JsonWriter writer, double value)
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumberValue(value);
        }
        else
        {
            writer.WriteNullValue();
        }
    }

    private static void WriteTime(Utf8JsonWriter writer, long ticks) =>
        writer.WriteStringValue(new TimeOnly(ticks).ToString("HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture));

    private static string Timestamp(DateTime value) => value.ToString(
        value.Kind == DateTimeKind.Utc ? "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'" : "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture);
}
