using Sluice.Memory;
using static Sluice.Tests.Memory.FakeMachine;

namespace Sluice.Tests.Memory;

/// <summary>What other tools get wrong about the same files; each machine is one on which they do.</summary>
public sealed class KnownBugTests : IDisposable
{
    private const string Mount = "/sys/fs/cgroup";
    private readonly FakeMachine _machine = new FakeMachine().Host(total: 282, available: 250);

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Ray_looks_for_version_1_keys_in_the_memory_stat_of_version_2()
    {
        MemorySample sample = _machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 1000, current: 900, inactive: 300).Sample();

        Assert.Equal(300 * MiB, Assert.Single(sample.Levels).ReclaimableBytes);
        Assert.Equal(400 * MiB, sample.HeadroomBytes);
    }

    [Fact]
    public void Ray_reads_fixed_paths_and_one_level_only() => Binds(
        _machine.Group("0::/slurm/job").Mount("cgroup2", "/cgroups").V2("/cgroups").V2("/cgroups/slurm", max: 1000, current: 900).V2("/cgroups/slurm/job", max: 4000, current: 100),
        "/cgroups/slurm", 100);

    [Fact]
    public void Gnu_parallel_earlyoom_and_nohang_see_the_machine_and_not_the_container() =>
        Binds(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 128_000, current: 127_000), Mount, 1000);

    [Fact]
    public void Gnu_parallel_counts_a_full_tmpfs_as_free()
    {
        // MemFree + Buffers + Cached is 100 GB here; 98 of them are files in /dev/shm.
        _machine.File("/proc/meminfo", "MemTotal: 104857600 kB\nMemFree: 1048576 kB\nMemAvailable: 2097152 kB\nBuffers: 0 kB\nCached: 103809024 kB\nSwapCached: 0 kB\nShmem: 102760448 kB\n");

        Binds(_machine, "host", 2048);
    }

    [Fact]
    public void The_dotnet_collector_stops_below_the_mount_and_misses_the_limit_there() =>
        Binds(_machine.Group("0::/init.scope").Mount("cgroup2").V2(Mount, max: 512, current: 12).V2(Mount + "/init.scope", current: 10), Mount, 500);

    [Fact]
    public void The_dotnet_collector_ignores_the_throttling_limit() =>
        Binds(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 4096, high: 1024, current: 24), Mount, 1000);

    [Fact]
    public void The_dotnet_collector_cuts_the_path_at_a_blank() => Binds(
        _machine.Group("4:memory:/my job").Mount("cgroup", Mount + "/memory", options: "rw,memory").V1(Mount + "/memory").V1(Mount + "/memory/my", limit: 1, usage: 1).V1(Mount + "/memory/my job", limit: 100, usage: 10),
        Mount + "/memory/my job", 90);

    [Fact]
    public void The_dotnet_collector_takes_a_part_of_a_name_for_a_parent() => Binds(
        _machine.Group("4:memory:/docker/abc").Mount("cgroup", Mount + "/memory", "/docker/ab", "rw,memory").V1(Mount + "/memory", limit: 1024, usage: 24).V1(Mount + "/memoryc", limit: 1, usage: 1),
        Mount + "/memory", 1000);

    [Fact]
    public void The_dotnet_collector_lets_the_working_set_fall_below_zero() =>
        Binds(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 100, current: 60, inactive: 70), Mount, 100);

    [Fact]
    public void Cadvisor_takes_dirty_pages_for_free_ones() =>
        Binds(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 1000, current: 900, inactive: 800, dirty: 750), Mount, 150);

    [Fact]
    public void The_least_limit_is_not_the_least_headroom() =>
        Binds(_machine.Group("0::/pod/box").Mount("cgroup2").V2(Mount).V2(Mount + "/pod", max: 8192, current: 8000).V2(Mount + "/pod/box", max: 4096, current: 1000), Mount + "/pod", 192);

    private static void Binds(FakeMachine machine, string level, long headroom)
    {
        MemorySample sample = machine.Sample();
        Assert.Equal((level, headroom * MiB), (sample.BindingLevel, sample.HeadroomBytes));
    }
}
