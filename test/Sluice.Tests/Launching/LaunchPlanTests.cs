using Sluice.Launching;

namespace Sluice.Tests.Launching;

public sealed class LaunchPlanTests
{
    [Fact]
    public void Every_combination_is_a_job_the_first_key_varying_slowest() =>
        Assert.Equal(["x.py a=1 b=u", "x.py a=1 b=v", "x.py a=2 b=u", "x.py a=2 b=v"], Commands(["x.py", "{}"], "a=1,2", "b=u,v"));

    [Theory]
    [InlineData("p {}", "p|a=1|b=2")]
    [InlineData("p", "p|a=1|b=2")]
    [InlineData("p --out={name} --seed {job}", "p|--out=a=1,b=2|--seed|7|a=1|b=2")]
    [InlineData("p pre{}post", "p|prea=1 b=2post")]
    public void Places_in_the_command_are_filled(string command, string filled) =>
        Assert.Equal(filled.Split('|'), LaunchPlan.Fill(command.Split(' '), ["a=1", "b=2"], 7, "a=1,b=2"));

    [Fact]
    public void Without_overrides_there_is_one_job() => Assert.Equal(["x.py"], Commands(["x.py", "{}"]));

    [Fact]
    public void Hydras_own_overrides_go_to_each_job_and_are_not_in_its_name()
    {
        var jobs = Jobs(["x.py", "{name}"], "a=1,2", "hydra.run.dir=out");

        Assert.Equal(["a=1", "a=2"], jobs.Select(j => j.Name));
        Assert.Equal(["x.py", "a=2", "a=2", "hydra.run.dir=out"], jobs[1].Command);
    }

    [Fact]
    public void The_same_job_twice_is_two_jobs()
    {
        var jobs = Jobs(["x.py"], "a=1,1");

        Assert.Equal(2, jobs.Select(j => j.Key).Distinct().Count());
        Assert.Equal([0, 1], jobs.Select(j => j.Number));
    }

    [Fact]
    public void A_job_is_the_same_one_whatever_jobs_there_are_beside_it() =>
        Assert.Equal(Jobs(["x.py"], "a=1,2")[1].Key, Jobs(["x.py"], "a=0,2,5")[1].Key);

    [Fact]
    public void Without_multirun_a_sweep_is_refused() =>
        Assert.Contains("--multirun", Assert.Throws<SluiceException>(() => LaunchPlan.Make(Options(["x.py"], ["a=1,2"]) with { Multirun = false }, _ => 0)).Message);

    [Fact]
    public void A_glob_has_no_groups_to_look_in() =>
        Assert.Contains("glob", Assert.Throws<SluiceException>(() => Jobs(["x.py"], "model=glob(*)")).Message);

    [Fact]
    public void Too_many_jobs_are_refused() =>
        Assert.Contains("jobs", Assert.Throws<SluiceException>(() => Jobs(["x.py"], "a=range(1000)", "b=range(1000)")).Message);

    [Fact]
    public void What_is_declared_of_an_override_goes_before_what_is_declared_of_all_and_the_most_counts()
    {
        var jobs = Jobs(["x.py"], "model=small,large", "n=1,2");
        DeclaredMemory[] declared = [new(null, 3), new("model=large", 12), new("n=2", 2)];

        Assert.Equal([3, 2, 12, 12], jobs.Select(job => DeclaredMemory.Of(declared, job)));
        Assert.Equal([null, null, 12, 12], jobs.Select(job => DeclaredMemory.Of(declared[1..2], job)));
    }

    [Fact]
    public void What_is_declared_of_an_override_that_no_job_has_is_refused()
    {
        var options = Options(["x.py"], ["model=small,large"]) with { Declared = [new("model=larg", 12)] };

        var error = Assert.Throws<SluiceException>(() => LaunchPlan.Make(options, _ => 0));

        Assert.Equal("--mem: no job has `model=larg`", error.Message);
        Assert.Equal("the first job has: model=small", error.Hint);
    }

    private static string[] Commands(string[] command, params string[] overrides) => [.. Jobs(command, overrides).Select(j => string.Join(' ', j.Command))];

    private static IReadOnlyList<LaunchJob> Jobs(string[] command, params string[] overrides)
    {
        var next = 0;
        return LaunchPlan.Make(Options(command, overrides), _ => next++);
    }

    private static LaunchOptions Options(string[] command, string[] overrides) =>
        new() { Name = "x", Folder = "", WorkingFolder = "", Command = command, Overrides = overrides, Multirun = true };
}
