using System.Globalization;
using System.Text.Json;
using Sluice.Memory;

namespace Sluice.Cli.Views;

/// <summary>Shows a memory sample.</summary>
internal static class MemoryView
{
    /// <summary>Prints all of it, for people.</summary>
    public static void Show(MemorySample sample, Action<string> print)
    {
        print($"limit     {Numbers.Bytes(sample.LimitBytes)}  (cgroup {Word(sample.Version)})");
        print($"usage     {Numbers.Bytes(sample.UsageBytes)}  (in {sample.BindingLevel}, with page cache)");
        print($"headroom  {Numbers.Bytes(sample.HeadroomBytes)}  (by {sample.BindingLevel})");
        print($"host      {Numbers.Bytes(sample.HostTotalBytes)} in all, {Numbers.Bytes(sample.HostAvailableBytes)} available");
        if (sample.SwapTotalBytes > 0)
        {
            print($"swap      {Numbers.Bytes(sample.SwapTotalBytes)} in all, {Numbers.Bytes(sample.SwapFreeBytes)} free; not part of the headroom");
        }

        print($"pressure  {Pressure(sample)}  (time in which some tasks, or all of them, waited for memory; last 10 s)");
        print($"kills     {sample.OomKills?.ToString(CultureInfo.InvariantCulture) ?? "unknown"} in this group, {sample.HostOomKills?.ToString(CultureInfo.InvariantCulture) ?? "unknown"} on the host, for want of memory");
        if (sample.Levels.Any(l => l.LimitBytes is not null))
        {
            print("levels");
        }

        foreach (var level in sample.Levels.Where(l => l.LimitBytes is not null))
        {
            print($"  {level.Path}: limit {Numbers.Bytes(level.LimitBytes)}, usage {Numbers.Bytes(level.UsageBytes)}, reclaimable {Numbers.Bytes(level.ReclaimableBytes)}, headroom {Numbers.Bytes(level.HeadroomBytes)}"
                + (level.PeakBytes is null ? "" : $", peak {Numbers.Bytes(level.PeakBytes)}")
                + (level.Throttled ? "; at this limit processes are slowed down, not killed" : ""));
        }

        if (sample.LimitBytes < sample.HostTotalBytes)
        {
            print($"`free` shows the host: it has {Numbers.Bytes(sample.HostTotalBytes)}, this container may use {Numbers.Bytes(sample.LimitBytes)}");
        }

        foreach (var note in sample.Notes)
        {
            print($"note: {note}");
        }
    }

    /// <summary>Says what changes, on one line.</summary>
    public static string Line(MemorySample sample, MemorySample before, DateTimeOffset time)
    {
        var kills = sample.OomKills - before.OomKills;
        return $"{time.ToString("HH:mm:ss", CultureInfo.InvariantCulture)}  headroom {Numbers.Bytes(sample.HeadroomBytes)} of {Numbers.Bytes(sample.LimitBytes)} (by {sample.BindingLevel}), pressure {Pressure(sample)}"
            + (kills > 0 ? $"; killed for want of memory since the last line: {Numbers.Count(kills.Value)}" : "");
    }

    /// <summary>Writes the fields.</summary>
    public static void Json(Utf8JsonWriter writer, MemorySample sample, DateTimeOffset time)
    {
        writer.WriteString("time", time.UtcDateTime);
        writer.Number("limit_bytes", sample.LimitBytes);
        writer.Number("usage_bytes", sample.UsageBytes);
        writer.Number("headroom_bytes", sample.HeadroomBytes);
        writer.WriteString("binding_level", sample.BindingLevel);
        writer.WriteString("cgroup", Word(sample.Version));
        writer.Number("host_total_bytes", sample.HostTotalBytes);
        writer.Number("host_available_bytes", sample.HostAvailableBytes);
        writer.Number("swap_total_bytes", sample.SwapTotalBytes);
        writer.Number("swap_free_bytes", sample.SwapFreeBytes);
        writer.Number("oom_kills", sample.OomKills);
        writer.Number("host_oom_kills", sample.HostOomKills);
        Json(writer, sample.Pressure);
        writer.WriteStartArray("levels");
        foreach (var level in sample.Levels)
        {
            Json(writer, level);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("notes");
        foreach (var note in sample.Notes)
        {
            writer.WriteStringValue(note);
        }

        writer.WriteEndArray();
    }

    private static void Json(Utf8JsonWriter writer, MemoryPressure? pressure)
    {
        if (pressure is null)
        {
            writer.WriteNull("pressure");
            return;
        }

        writer.WriteStartObject("pressure");
        writer.WriteNumber("some_avg10", pressure.SomeAverage10);
        writer.WriteNumber("full_avg10", pressure.FullAverage10);
        writer.WriteNumber("some_total_seconds", pressure.SomeTotal.TotalSeconds);
        writer.WriteNumber("full_total_seconds", pressure.FullTotal.TotalSeconds);
        writer.WriteEndObject();
    }

    private static void Json(Utf8JsonWriter writer, MemoryLevel level)
    {
        writer.WriteStartObject();
        writer.WriteString("path", level.Path);
        writer.Number("limit_bytes", level.LimitBytes);
        writer.Number("usage_bytes", level.UsageBytes);
        writer.Number("reclaimable_bytes", (long?)level.ReclaimableBytes);
        writer.Number("headroom_bytes", level.HeadroomBytes);
        writer.WriteBoolean("throttled", level.Throttled);
        writer.Number("peak_bytes", level.PeakBytes);
        writer.Number("swap_limit_bytes", level.SwapLimitBytes);
        writer.Number("swap_usage_bytes", level.SwapUsageBytes);
        writer.WriteEndObject();
    }

    private static string Pressure(MemorySample sample) => sample.Pressure is { } pressure
        ? string.Create(CultureInfo.InvariantCulture, $"{pressure.SomeAverage10:0.##} % some, {pressure.FullAverage10:0.##} % full")
        : "not told by this kernel";

    private static string Word(CgroupVersion version) => version switch
    {
        CgroupVersion.V1 => "v1",
        CgroupVersion.V2 => "v2",
        CgroupVersion.Hybrid => "hybrid",
        _ => "none",
    };
}
