using System.CommandLine;
using Sluice.Cli.Views;
using Sluice.Memory;

namespace Sluice.Cli.Commands;

/// <summary><c>memory</c>: what this container may really use.</summary>
internal static class MemoryCommand
{
    public static Command Create()
    {
        var command = new Command("memory", "Show the memory limit, usage and headroom that hold for this process.");
        command.SetAction(parsed =>
        {
            var sample = new MemoryProbe().Sample();
            if (parsed.GetValue(CommonOptions.Json))
            {
                Json(sample);
            }
            else
            {
                Show(sample);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static void Show(MemorySample sample)
    {
        Console.WriteLine($"limit     {Numbers.Bytes(sample.LimitBytes)}  (by {sample.BindingLevel}, cgroup {Word(sample.Version)})");
        Console.WriteLine($"usage     {Numbers.Bytes(sample.UsageBytes)}");
        Console.WriteLine($"headroom  {Numbers.Bytes(sample.HeadroomBytes)}");
        Console.WriteLine($"host      {Numbers.Bytes(sample.HostTotalBytes)} in all, {Numbers.Bytes(sample.HostAvailableBytes)} available");
        if (sample.LimitBytes < sample.HostTotalBytes)
        {
            Console.WriteLine($"`free` shows the host: it has {Numbers.Bytes(sample.HostTotalBytes)}, this container may use {Numbers.Bytes(sample.LimitBytes)}");
        }

        foreach (var note in sample.Notes)
        {
            Console.WriteLine($"note: {note}");
        }
    }

    private static void Json(MemorySample sample) => JsonOut.Write(writer =>
    {
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
        writer.WriteStartArray("notes");
        foreach (var note in sample.Notes)
        {
            writer.WriteStringValue(note);
        }

        writer.WriteEndArray();
    });

    private static string Word(CgroupVersion version) => version switch
    {
        CgroupVersion.V1 => "v1",
        CgroupVersion.V2 => "v2",
        CgroupVersion.Hybrid => "hybrid",
        _ => "none",
    };
}
