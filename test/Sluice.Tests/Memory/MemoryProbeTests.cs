using Sluice.Memory;
using static Sluice.Tests.Memory.FakeMachine;

namespace Sluice.Tests.Memory;

public sealed class MemoryProbeTests : IDisposable
{
    private const string Mount = "/sys/fs/cgroup";
    private readonly FakeMachine _machine = new FakeMachine().Host(total: 16, available: 12);

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void V2_plain_takes_the_limit_of_the_own_group()
    {
        MemorySample sample = _machine.Group("0::/user.slice/job").Mount("cgroup2")
            .V2(Mount, max: null, current: null, high: null)
            .V2(Mount + "/user.slice", current: 5000)
            .V2(Mount + "/user.slice/job", max: 4096, current: 1000, inactive: 300, dirty: 100, writeback: 50, kills: 2)
            .Sample();

        Expect(sample, CgroupVersion.V2, Mount + "/user.slice/job", limit: 4096, headroom: 4096 - 1000 + 150);
        Assert.Equal((1000 * MiB, 2L), (sample.UsageBytes, sample.OomKills));
        Assert.Equal((16 * GiB, 12 * GiB), (sample.HostTotalBytes, sample.HostAvailableBytes));
        Assert.Equal([Mount + "/user.slice/job", Mount + "/user.slice", Mount], sample.Levels.Select(l => l.Path));
        Assert.Empty(sample.Notes);
    }

    [Fact]
    public void V2_in_a_private_namespace_finds_the_limit_at_the_mount() =>
        Expect(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 2048, current: 48).Sample(), CgroupVersion.V2, Mount, limit: 2048, headroom: 2000);

    [Fact]
    public void V2_with_a_tighter_parent_is_bound_by_it() =>
        Expect(
            _machine.Group("0::/pod/box").Mount("cgroup2").V2(Mount).V2(Mount + "/pod", max: 1024, current: 24).V2(Mount + "/pod/box", max: 4096, current: 24).Sample(),
            CgroupVersion.V2, Mount + "/pod", limit: 1024, headroom: 1000);

    [Fact]
    public void V2_in_a_sub_group_of_a_namespace_sees_the_limit_at_its_root() =>
        Expect(_machine.Group("0::/mine").Mount("cgroup2").V2(Mount, max: 512, current: 12).V2(Mount + "/mine", current: 10).Sample(), CgroupVersion.V2, Mount, limit: 512, headroom: 500);

    [Fact]
    public void A_larger_parent_that_a_sibling_has_filled_binds_though_its_limit_is_not_the_least() =>
        Expect(
            _machine.Group("0::/pod/box").Mount("cgroup2").V2(Mount).V2(Mount + "/pod", max: 8192, current: 8000, inactive: 8).V2(Mount + "/pod/box", max: 4096, current: 1000).Sample(),
            CgroupVersion.V2, Mount + "/pod", limit: 4096, headroom: 200);

    [Fact]
    public void The_throttling_limit_counts_like_a_limit_and_is_told_apart()
    {
        MemorySample sample = _machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 4096, high: 3072, current: 72).Sample();

        Expect(sample, CgroupVersion.V2, Mount, limit: 3072, headroom: 3000);
        Assert.True(sample.Levels[0].Throttled);
    }

    [Fact]
    public void A_throttling_limit_above_the_hard_one_does_not_matter()
    {
        MemorySample sample = _machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 1024, high: 3072, current: 24).Sample();

        Expect(sample, CgroupVersion.V2, Mount, limit: 1024, headroom: 1000);
        Assert.False(sample.Levels[0].Throttled);
    }

    [Fact]
    public void The_host_binds_when_it_has_less_than_any_group()
    {
        MemorySample sample = _machine.Host(total: 16, available: 0.5).Group("0::/").Mount("cgroup2").V2(Mount, max: 4096, current: 96).Sample();

        Expect(sample, CgroupVersion.V2, "host", limit: 4096, headroom: 512);
        Assert.Equal(16 * GiB - 512 * MiB, sample.UsageBytes);
    }

    [Fact]
    public void V1_in_docker_is_found_below_the_mounted_root()
    {
        MemorySample sample = _machine.Group("9:cpu,cpuacct:/docker/ab").Group("4:memory:/docker/ab/worker").Mount("cgroup", Mount + "/memory", "/docker/ab", "rw,memory")
            .V1(Mount + "/memory", limit: 2048, usage: 1048, inactive: 100, dirty: 30, writeback: 20, hierarchical: $"{2048 * MiB}")
            .V1(Mount + "/memory/worker", usage: 10, kills: 7).Sample();

        Expect(sample, CgroupVersion.V1, Mount + "/memory", limit: 2048, headroom: 1050);
        Assert.Equal(7, sample.OomKills);
    }

    [Fact]
    public void A_root_that_is_no_whole_component_of_the_path_is_not_cut_off()
    {
        // "/docker/abc" must become neither "<mount>c" nor "<mount>/c", which are there to trap.
        MemorySample sample = _machine.Group("4:memory:/docker/abc").Mount("cgroup", Mount + "/memory", "/docker/ab", "rw,memory")
            .V1(Mount + "/memory", limit: 1024, usage: 24).V1(Mount + "/memory/c", limit: 1).V1(Mount + "/memoryc", limit: 1).Sample();

        Expect(sample, CgroupVersion.V1, Mount + "/memory", limit: 1024, headroom: 1000);
    }

    [Theory]
    [InlineData("9223372036854771712")]
    [InlineData("9223372036854710272")]
    [InlineData("9223372036854775807")]
    [InlineData("18446744073709551615")]
    [InlineData("99999999999999999999999")]
    [InlineData("17179869185")]
    public void V1_limits_above_the_machines_memory_are_none(string limit)
    {
        MemorySample sample = _machine.Group("4:memory:/").Mount("cgroup", Mount + "/memory", options: "rw,memory")
            .V1(Mount + "/memory", usage: 100).File(Mount + "/memory/memory.limit_in_bytes", limit).Sample();

        Expect(sample, CgroupVersion.V1, "host", limit: 16 * 1024, headroom: 12 * 1024);
        Assert.Null(Assert.Single(sample.Levels).LimitBytes);
        Assert.Empty(sample.Notes);
    }

    [Fact]
    public void V1_tells_limits_of_groups_that_cannot_be_seen() =>
        Expect(
            _machine.Group("4:memory:/").Mount("cgroup", Mount + "/memory", options: "rw,memory").V1(Mount + "/memory", usage: 24, hierarchical: $"{1024 * MiB}").Sample(),
            CgroupVersion.V1, Mount + "/memory", limit: 1024, headroom: 1000);

    [Fact]
    public void V1_parents_that_do_not_count_those_below_are_left_out() =>
        Expect(
            _machine.Group("4:memory:/a/b").Mount("cgroup", Mount + "/memory", options: "rw,memory")
                .V1(Mount + "/memory").V1(Mount + "/memory/a", limit: 1, usage: 1, useHierarchy: "0").V1(Mount + "/memory/a/b", limit: 100, usage: 10, useHierarchy: "0").Sample(),
            CgroupVersion.V1, Mount + "/memory/a/b", limit: 100, headroom: 90);

    [Fact]
    public void Hybrid_with_memory_on_v1_reads_v1() =>
        Expect(
            _machine.Group("4:memory:/job").Group("1:name=systemd:/job").Group("0::/job")
                .Mount("cgroup", Mount + "/memory", options: "rw,memory").Mount("cgroup", Mount + "/systemd", options: "rw,name=systemd").Mount("cgroup2", Mount + "/unified")
                .V1(Mount + "/memory").V1(Mount + "/memory/job", limit: 300, usage: 100).V2(Mount + "/unified/job", max: 1).Sample(),
            CgroupVersion.Hybrid, Mount + "/memory/job", limit: 300, headroom: 200);

    [Fact]
    public void Hybrid_with_memory_on_v2_reads_v2() =>
        Expect(
            _machine.Group("2:cpu:/job").Group("0::/job").Mount("cgroup", Mount + "/cpu", options: "rw,cpu").Mount("cgroup2", Mount + "/unified")
                .V2(Mount + "/unified").V2(Mount + "/unified/job", max: 300, current: 100).Sample(),
            CgroupVersion.Hybrid, Mount + "/unified/job", limit: 300, headroom: 200);

    [Fact]
    public void A_unified_mount_with_hugetlb_only_has_no_memory_to_tell()
    {
        MemorySample sample = _machine.Group("2:cpu:/job").Group("0::/").Mount("cgroup", Mount + "/cpu", options: "rw,cpu").Mount("cgroup2", Mount + "/unified")
            .File(Mount + "/unified/cgroup.controllers", "hugetlb\n").Sample();

        Expect(sample, CgroupVersion.None, "host", limit: 16 * 1024, headroom: 12 * 1024);
        Assert.Contains("no memory controller", Assert.Single(sample.Notes));
        Assert.Null(sample.OomKills);
    }

    [Fact]
    public void A_true_root_without_files_is_normal()
    {
        MemorySample sample = _machine.Group("0::/").Mount("cgroup2").V2(Mount, max: null, current: null, high: null, inactive: null).Sample();

        Expect(sample, CgroupVersion.V2, "host", limit: 16 * 1024, headroom: 12 * 1024);
        Assert.Empty(sample.Notes);
    }

    [Fact]
    public void A_machine_without_control_groups_has_its_own_memory() =>
        Expect(_machine.Sample(), CgroupVersion.None, "host", limit: 16 * 1024, headroom: 12 * 1024);

    [Fact]
    public void A_deleted_group_gives_way_to_its_parent()
    {
        MemorySample sample = _machine.Group("0::/pod/gone (deleted)").Mount("cgroup2").V2(Mount).V2(Mount + "/pod", max: 100, current: 10).Sample();

        Expect(sample, CgroupVersion.V2, Mount + "/pod", limit: 100, headroom: 90);
        Assert.Contains("deleted", Assert.Single(sample.Notes));
    }

    [Fact]
    public void A_group_outside_of_the_namespace_gives_way_to_the_mount()
    {
        MemorySample sample = _machine.Group("0::/../other").Mount("cgroup2").V2(Mount, max: 100, current: 10).V2("/sys/fs/other", max: 1).Sample();

        Expect(sample, CgroupVersion.V2, Mount, limit: 100, headroom: 90);
        Assert.Contains("outside", Assert.Single(sample.Notes));
    }

    [Fact]
    public void Escaped_mount_points_and_paths_with_blanks_and_colons_are_understood() =>
        Expect(
            _machine.Group("0::/my job:1").Mount("cgroup2", "/mnt/my\\040groups\\134x").V2("/mnt/my groups\\x").V2("/mnt/my groups\\x/my job:1", max: 100, current: 10).Sample(),
            CgroupVersion.V2, "/mnt/my groups\\x/my job:1", limit: 100, headroom: 90);

    [Theory]
    [InlineData("")]
    [InlineData("shared:1")]
    [InlineData("shared:1 master:2 propagate_from:3 unbindable")]
    public void Mount_lines_have_any_number_of_optional_fields(string optional) =>
        Expect(_machine.Group("0::/").Mount("cgroup2", optional: optional).V2(Mount, max: 100, current: 10).Sample(), CgroupVersion.V2, Mount, limit: 100, headroom: 90);

    [Fact]
    public void Of_several_mounts_the_one_that_shows_most_levels_serves() =>
        Expect(
            _machine.Group("0::/pod/box").Mount("cgroup2").Mount("cgroup2", "/mnt/box", root: "/pod/box")
                .V2(Mount).V2(Mount + "/pod", max: 50, current: 10).V2(Mount + "/pod/box", max: 100).V2("/mnt/box", max: 100).Sample(),
            CgroupVersion.V2, Mount + "/pod", limit: 50, headroom: 40);

    [Fact]
    public void Without_memory_stat_all_usage_counts()
    {
        MemorySample sample = _machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 100, current: 60, inactive: null).Sample();

        Expect(sample, CgroupVersion.V2, Mount, limit: 100, headroom: 40);
        Assert.Contains("memory.stat is missing", Assert.Single(sample.Notes));
    }

    [Fact]
    public void Page_cache_above_the_usage_does_not_make_the_working_set_negative() =>
        Expect(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 100, current: 60, inactive: 70).Sample(), CgroupVersion.V2, Mount, limit: 100, headroom: 100);

    [Fact]
    public void Dirty_pages_above_the_page_cache_do_not_make_it_negative() =>
        Expect(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 100, current: 60, inactive: 20, dirty: 15, writeback: 15).Sample(), CgroupVersion.V2, Mount, limit: 100, headroom: 40);

    [Fact]
    public void A_limit_below_the_usage_leaves_less_than_nothing() =>
        Expect(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 100, current: 160).Sample(), CgroupVersion.V2, Mount, limit: 100, headroom: -60);

    [Fact]
    public void A_limit_of_zero_is_a_limit() =>
        Expect(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 0, current: 1).Sample(), CgroupVersion.V2, Mount, limit: 0, headroom: -1);

    [Fact]
    public void A_limit_without_usage_is_all_that_can_be_left()
    {
        MemorySample sample = _machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 100, current: null).Sample();

        Expect(sample, CgroupVersion.V2, Mount, limit: 100, headroom: 100);
        Assert.Contains(sample.Notes, n => n.Contains("usage cannot be read"));
    }

    [Fact]
    public void Values_are_read_anew_each_time()
    {
        var probe = new MemoryProbe(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 100, current: 10).Root);
        Assert.Equal(90 * MiB, probe.Sample().HeadroomBytes);
        _machine.V2(Mount, max: 50, current: 20);

        Assert.Equal(30 * MiB, probe.Sample().HeadroomBytes);
    }

    [Fact]
    public void A_value_without_a_line_feed_is_read() =>
        Assert.Equal(0, _machine.Group("0::/").Mount("cgroup2").V2(Mount, current: 5).File(Mount + "/memory.max", $"{5 * MiB}").File(Mount + "/memory.high", "max").Sample().HeadroomBytes);

    [Fact]
    public void Swap_is_told_but_is_no_headroom()
    {
        MemorySample sample = _machine.Host(total: 4, available: 1, swapTotal: 8, swapFree: 6).Sample();

        Assert.Equal((8 * GiB, 6 * GiB, 1 * GiB), (sample.SwapTotalBytes, sample.SwapFreeBytes, sample.HeadroomBytes));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("garbage")]
    [InlineData("-5")]
    [InlineData(": : :\n- - - -\n\\0\\n0::\n4:memory\n")]
    [InlineData("\0\0\0\uFFFD")]
    public void Garbage_in_any_file_never_throws(string garbage)
    {
        _machine.Group("0::/job").Mount("cgroup2").V2(Mount).V2(Mount + "/job", max: 100, current: 10, kills: 1);
        string[] paths = [.. Directory.GetFiles(_machine.Root, "*", SearchOption.AllDirectories).Select(p => p[_machine.Root.Length..].Replace('\\', '/'))];
        foreach (string path in paths)
        {
            string content = File.ReadAllText(_machine.Root + path);
            _machine.File(path, garbage).Sample();
            _machine.Delete(path).Sample();
            _machine.Forbid(path).Sample();
            Directory.Delete(_machine.Root + path);
            _machine.File(path, content);
        }

        Assert.Equal(90 * MiB, _machine.Sample().HeadroomBytes);
    }

    [Fact]
    public void Garbage_and_forbidden_files_are_noted()
    {
        MemorySample sample = _machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 100, current: 10).File(Mount + "/memory.max", "lots").Forbid(Mount + "/memory.high").Sample();

        Expect(sample, CgroupVersion.V2, "host", limit: 16 * 1024, headroom: 12 * 1024);
        Assert.Contains($"{Mount}/memory.max holds no number", sample.Notes);
        Assert.Contains(sample.Notes, n => n.StartsWith($"{Mount}/memory.high cannot be read") && !n.Contains(_machine.Root));
    }

    [Fact]
    public void An_empty_machine_tells_nothing_and_says_so()
    {
        using var empty = new FakeMachine();
        MemorySample sample = empty.Sample();

        Assert.Equal((null, null, null, "unknown"), (sample.LimitBytes, sample.UsageBytes, sample.HeadroomBytes, sample.BindingLevel));
        Assert.Contains("/proc/meminfo", Assert.Single(sample.Notes));
    }

    [Fact]
    public void A_mount_table_of_megabytes_is_read()
    {
        for (int i = 0; i < 3; i++)
        {
            _machine.Mount("overlay", "/" + new string('x', 3_000_000));
        }

        Expect(_machine.Group("0::/").Mount("cgroup2").V2(Mount, max: 100, current: 10).Sample(), CgroupVersion.V2, Mount, limit: 100, headroom: 90);
    }

    [Fact]
    public void This_machine_can_be_read()
    {
        MemorySample sample = new MemoryProbe().Sample();

        Assert.InRange(sample.LimitBytes!.Value, 16 * MiB, 1L << 50);
        if (OperatingSystem.IsLinux())
        {
            Assert.InRange(sample.HeadroomBytes!.Value, 1, sample.LimitBytes.Value);
            Assert.NotEqual("unknown", sample.BindingLevel);
        }
    }

    [Fact]
    public void The_runtimes_own_figures_say_what_they_are()
    {
        GC.Collect();
        MemorySample sample = RuntimeMemory.Sample();

        Assert.InRange(sample.HeadroomBytes!.Value, 0, sample.LimitBytes!.Value);
        Assert.Contains("runtime", Assert.Single(sample.Notes));
    }

    [Fact]
    public void Systems_without_groups_have_the_machine_as_their_only_level()
    {
        MemorySample sample = ForeignMemory.Of(8 * GiB, 3 * GiB);

        Expect(sample, CgroupVersion.None, "host", limit: 8 * 1024, headroom: 3 * 1024);
        Assert.Equal(5 * GiB, sample.UsageBytes);
    }

    [Theory]
    [InlineData("some avg10=1.50 avg60=0 avg300=0 total=5\nfull avg10=0.25 avg60=0 avg300=0 total=3\n", 1.5, 0.25, 5, 3)]
    [InlineData("some avg10=1.50 total=5\n", 1.5, 0, 5, 0)]
    [InlineData("full total=3 avg10=7\nsome total=5 avg10=8", 8, 7, 5, 3)]
    public void Pressure_is_read_whatever_the_order(string text, double some, double full, long someTotal, long fullTotal)
    {
        MemoryPressure pressure = _machine.File("/proc/pressure/memory", text).Sample().Pressure!;

        Assert.Equal((some, full, TimeSpan.FromMicroseconds(someTotal), TimeSpan.FromMicroseconds(fullTotal)),
            (pressure.SomeAverage10, pressure.FullAverage10, pressure.SomeTotal, pressure.FullTotal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("some")]
    [InlineData("some avg10=x total=5")]
    [InlineData("some avg10=1 total=99999999999999999999")]
    [InlineData("some avg10=1 total=9223372036854775807")]
    [InlineData("full avg10=1 total=5")]
    public void Pressure_that_makes_no_sense_is_none(string text)
    {
        MemorySample sample = _machine.File("/proc/pressure/memory", text).Sample();

        Assert.Null(sample.Pressure);
        Assert.Empty(sample.Notes);
    }

    private static void Expect(MemorySample sample, CgroupVersion version, string level, long limit, long headroom) =>
        Assert.Equal((version, level, limit, headroom), (sample.Version, sample.BindingLevel, sample.LimitBytes / MiB, sample.HeadroomBytes / MiB));
}
