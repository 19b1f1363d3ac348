using System.Diagnostics;
using CsCheck;
using Sluice.Configuration;
using Sluice.Configuration.Overrides;
using Override = Sluice.Configuration.Overrides.Override;

namespace Sluice.Tests.Configuration.Overrides;

public sealed class OverrideSweepTests
{
    [Theory]
    [InlineData("1, 2 ,3", "1 2 3")]
    [InlineData("null,true,1e5,a b", "null True 100000.0 a\\ b")]
    [InlineData("\"a,b\",'c d'", "\"a,b\" 'c d'")]
    [InlineData("[1,2],[3],{a:b}", "[1,2] [3] {a:b}")]
    [InlineData("choice(5)", "5")]
    [InlineData("choice ( p , \"q r\" )", "p q\\ r")]
    [InlineData("choice(sort(2,1))", "1 2")]
    [InlineData("choice(\"a#b\",\"x\")", "\"a#b\" x")]
    [InlineData("range(3)", "0 1 2")]
    [InlineData("range(2,5)", "2 3 4")]
    [InlineData("range(5,0,-2)", "5 3 1")]
    [InlineData("range(-3,step=-1)", "0 -1 -2")]
    [InlineData("range(start=1,stop=9,step=4)", "1 5")]
    [InlineData("range(3,3)", "")]
    [InlineData("range(0,3,-1)", "")]
    [InlineData("range(9007199254740993,9007199254740995)", "9007199254740993 9007199254740994")]
    [InlineData("range(0,10,3.3)", "0.0 3.3 6.6 9.9")]
    [InlineData("range(0,1,0.1)", "0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7000000000000001 0.8 0.9")]
    [InlineData("range(0,0.9,0.3)", "0.0 0.3 0.6 0.8999999999999999")]
    [InlineData("range(1,0,-0.25)", "1.0 0.75 0.5 0.25")]
    [InlineData("range(1.0,3)", "1.0 2.0")]
    [InlineData("range(-3.7,0.53,0.47)", "-3.7 -3.23 -2.7600000000000002 -2.29 -1.8200000000000003 -1.3500000000000003 -0.8800000000000003 -0.41000000000000036 0.05999999999999961 0.5299999999999996")]
    [InlineData("range(-4.776779,2.7,0.94)", "-4.776779 -3.8367790000000004 -2.8967790000000004 -1.9567790000000005 -1.0167790000000005 -0.0767790000000006 0.8632209999999993 1.8032209999999993")]
    [InlineData("range(4.2,7.41,0.35675)", "4.2 4.55675 4.9135 5.27025 5.627 5.983750000000001 6.3405000000000005 6.69725 7.054")]
    [InlineData("range(1e-7,1.0000000000000002e-6,1.1e-7)", "1e-07 2.1e-07 3.2e-07 4.3e-07 5.4e-07 6.5e-07 7.6e-07 8.7e-07 9.8e-07")]
    [InlineData("range(123456789.123,123456790.3,0.1)", "123456789.123 123456789.22299999 123456789.323 123456789.423 123456789.523 123456789.623 123456789.72299999 123456789.823 123456789.923 123456790.023 123456790.123 123456790.22299999")]
    [InlineData("range(0,1e-323,5e-324)", "0.0 5e-324")]
    [InlineData("range(0,1.5e308,1e308)", "0.0 1e+308")]
    [InlineData("int(1.5,2.5)", "1 2")]
    [InlineData("float(range(1,3))", "1.0 2.0")]
    [InlineData("int(range(0.5,3.5))", "0 1 2")]
    [InlineData("str(choice([1,true],{a:1.0}))", "[1,true] {a:1.0}")]
    [InlineData("sort(3,1,2)", "1 2 3")]
    [InlineData("sort(b,a,C,reverse=true)", "b a C")]
    [InlineData("sort(choice(2,1.5,true))", "True 1.5 2")]
    [InlineData("sort(\"\uFF5E\",\"\U0001F600\")", "\"\uFF5E\" \"\U0001F600\"")]
    [InlineData("sort(range(1,4),reverse=true)", "3 2 1")]
    [InlineData("sort(range(9,0,-1))", "1 2 3 4 5 6 7 8 9")]
    [InlineData("sort(range(0,2,0.5),reverse=true)", "1.5 1.0 0.5 0.0")]
    [InlineData("tag(t1,t2,choice(a,b))", "a b")]
    [InlineData("tag(t,sweep=range(2))", "0 1")]
    [InlineData("glob(*)", "a \"7\" abc model-b")]
    [InlineData("glob([a*,*b],exclude=abc)", "a model-b")]
    [InlineData("glob(\"[!a]*\")", "\"7\" model-b")]
    [InlineData("glob(\"a[a-c]?\",exclude=[x,y])", "abc")]
    [InlineData("glob(z*)", "")]
    public void A_sweep_has_these_values(string value, string expected)
    {
        var sweep = Override.Parse("k=" + value);
        Assert.True(sweep.IsSweep);
        Assert.Equal(expected, string.Join(' ', Jobs(sweep).Select(static job => Assert.Single(job).Text["k=".Length..])));
    }

    [Theory]
    [InlineData("int(3.7)", "3")]
    [InlineData("int(-3.7)", "-3")]
    [InlineData("int(\" 1_2 \")", "12")]
    [InlineData("int(value=true)", "1")]
    [InlineData("int([1.5,{a:\"2\"}])", "[1,{a:2}]")]
    [InlineData("float(\"+1e3\")", "1000.0")]
    [InlineData("float(\"-Infinity\")", "-inf")]
    [InlineData("float(int(2))", "2.0")]
    [InlineData("str(1e6)", "'1000000.0'")]
    [InlineData("str(true)", "'true'")]
    [InlineData("bool(\"False\")", "False")]
    [InlineData("bool(0.0)", "False")]
    [InlineData("bool(nan)", "True")]
    [InlineData("sort([3,1,2],reverse=true)", "[3,2,1]")]
    [InlineData("sort(list=[b,a])", "['a','b']")]
    [InlineData("sort(5)", "5")]
    [InlineData("shuffle(a)", "['a']")]
    [InlineData("[int(1.5),str(2)]", "[1,'2']")]
    public void A_function_may_give_one_value(string value, string expected) =>
        Assert.Equal(expected, Shown.Of(((OverrideElement)Override.Parse("k=" + value).Value!).ToNode()));

    [Theory]
    [InlineData("foo(1)", "Unknown function 'foo'\nAvailable: bool,choice,float,glob,int,interval,range,shuffle,sort,str,tag")]
    [InlineData("choice()", "empty choice is not legal")]
    [InlineData("choice(choice(1))", "nesting choices is not supported")]
    [InlineData("choice(null)", "null is not allowed")]
    [InlineData("choice(a=1)", "unexpected keyword argument 'a'")]
    [InlineData("choice(1,range(2))", "a sweep is not allowed here")]
    [InlineData("1,range(2)", "a sweep cannot stand in another sweep")]
    [InlineData("[range(2)]", "a sweep cannot stand in a list")]
    [InlineData("{a:choice(2)}", "a sweep cannot stand in a dict")]
    [InlineData("int(foo)", "invalid literal for int() with base 10: 'foo'")]
    [InlineData("int(inf)", "cannot convert float infinity to integer")]
    [InlineData("float(\"1e\")", "could not convert string to float: '1e'")]
    [InlineData("bool(foo)", "Cannot cast 'foo' to bool")]
    [InlineData("str(null)", "null cannot be cast to str")]
    [InlineData("str(range(2))", "Range can only be cast to int or float")]
    [InlineData("str(interval(0,1))", "Intervals cannot be cast to str")]
    [InlineData("int()", "No positional args or value specified")]
    [InlineData("int(1,value=2)", "cannot use both position and named arguments")]
    [InlineData("range()", "missing a required argument: 'start'")]
    [InlineData("range(a)", "the argument start must be a number")]
    [InlineData("range(1,2,3,4)", "too many positional arguments")]
    [InlineData("range(1,start=2)", "multiple values for argument 'start'")]
    [InlineData("range(stop=1,2)", "positional argument follows keyword argument")]
    [InlineData("sort([1,a])", "'<' not supported between instances of 'str' and 'number'")]
    [InlineData("sort()", "empty sort input")]
    [InlineData("sort(glob(*))", "only a list, choice() or range() can be sorted")]
    [InlineData("shuffle(interval(0,1))", "only a list, choice() or range() can be shuffled")]
    [InlineData("tag(a)", "Last argument to tag() must be")]
    [InlineData("glob(1)", "expected a pattern")]
    public void A_function_that_cannot_be_evaluated_says_why(string value, string expected)
    {
        ConfigException error = Assert.Throws<ConfigException>(() => Override.Parse("k=" + value));
        Assert.Equal(ConfigErrorKind.OverrideFunction, error.Kind);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.EndsWith("^", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("k=1,2", "Ambiguous value for argument 'k=1,2'\n1. To use it as a list, use key=[value1,value2]\n2. To use it as string, quote the value: key=\\'value1,value2\\'\n3. To sweep over it, add --multirun to your command line")]
    [InlineData("k=range(3)", "Sweep parameters 'k=range(3)' requires --multirun")]
    [InlineData("k=choice(1)", "Sweep parameters 'k=choice(1)' requires --multirun")]
    [InlineData("k=[1,2]", null)]
    [InlineData("~k", null)]
    public void A_single_run_takes_no_sweep(string text, string? expected) =>
        Assert.Equal(expected, Record.Exception(Override.Parse(text).RequireSingle)?.Message);

    [Theory]
    [InlineData("k=interval(0,1)", "BasicSweeper does not support sweep type : INTERVAL_SWEEP")]
    [InlineData("hydra.job.name=a,b", "Sweeping over Hydra's configuration is not supported : 'hydra.job.name=a,b'")]
    [InlineData("k=range(0,1,0)", "Invalid range values (start:0, stop:1, step:0)")]
    [InlineData("k=range(0,inf)", "Invalid range values (start:0, stop:inf, step:1)")]
    [InlineData("k=range(0,1e300,1e-300)", "range(0,1e+300,1e-300) has more than 1,000,000 values")]
    [InlineData("k=range(1e16,1.0000000000000002e16,1e-14)", "more than 1,000,000 values")]
    [InlineData("k=range(1000001)", "range(0,1000001,1) has more than 1,000,000 values")]
    [InlineData("k=sort(range(9000000000000000000,0,-1))", "more than 1,000,000 values")]
    public void A_sweep_that_cannot_be_expanded_is_refused_at_once(string text, string expected)
    {
        var watch = Stopwatch.StartNew();
        string message = Assert.Throws<ConfigException>(() => SweepExpansion.Jobs([Override.Parse(text)], static _ => [])).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"it took {watch.Elapsed}");
    }

    [Fact]
    public void The_first_key_varies_slowest_and_a_repeated_key_keeps_its_place() => Assert.Equal(
        ["x=3 +y=a ~s=null", "x=3 +y=b ~s=null", "x=4 +y=a ~s=null", "x=4 +y=b ~s=null"],
        Texts("x=1,2", "+y=a,b", "~s", "hydra.run.dir=d", "x=3,4"));

    [Fact]
    public void Keys_that_differ_in_prefix_or_package_are_different() =>
        Assert.Equal(["x=1 +x=2 x@p=3"], Texts("x=1", "+x=2", "x@p=3"));

    [Fact]
    public void Without_overrides_there_is_one_job_and_with_an_empty_sweep_none()
    {
        Assert.Equal([""], Texts());
        Assert.Empty(Texts("x=1,2", "y=range(0)"));
        Assert.Equal(0, SweepExpansion.Count([.. Enumerable.Repeat("x=range(0)", 1).Select(Override.Parse)], static _ => []));
    }

    [Fact]
    public void A_job_is_what_its_text_says()
    {
        Override[] jobs = [.. Jobs(Override.Parse("x=choice(\"5\",\"y\")")).Select(Assert.Single)];
        Assert.Equal(["x=5 5", "x=y 'y'"], jobs.Select(static job => $"{job.Text} {Shown.Of(((OverrideElement)job.Value!).ToNode())}"));
    }

    [Fact]
    public void Glob_asks_for_the_group_of_its_key()
    {
        var asked = new List<string>();
        Assert.Single(SweepExpansion.Jobs([Override.Parse("+server/db@pkg=glob(*)")], key =>
        {
            asked.Add(key);
            return ["a"];
        }));
        Assert.Equal(["server/db"], asked);
    }

    [Fact]
    public void Shuffled_values_keep_one_order_per_text()
    {
        Override sweep = Override.Parse("x=shuffle(range(20))");
        string[] texts = [.. Jobs(sweep).Select(static job => job[0].Text)];

        Assert.Equal(texts, Jobs(Override.Parse(sweep.Text)).Select(static job => job[0].Text));
        Assert.NotEqual(texts, Jobs(Override.Parse("y=shuffle(range(20))")).Select(static job => "x" + job[0].Text[1..]));
        Assert.Equal(Enumerable.Range(0, 20).Select(static i => $"x={i}").Order(), texts.Order());
        Assert.NotEqual(Enumerable.Range(0, 20).Select(static i => $"x={i}"), texts);
        Assert.Equal(["x=3", "x=4", "x=2", "x=1", "x=0"], Texts("x=shuffle(range(5))"));
        Assert.Equal(Override.Parse("x=shuffle([1,2,3,4,5,6])").Normalized().Text, Override.Parse("x=shuffle([1,2,3,4,5,6])").Normalized().Text);
    }

    [Fact]
    public void Jobs_come_one_at_a_time()
    {
        Override[] sweeps = [.. Enumerable.Range(0, 8).Select(static i => Override.Parse($"k{i}=range(1000)"))];

        Assert.Equal(long.MaxValue, SweepExpansion.Count(sweeps, static _ => []));
        Assert.Equal(1_000_000, SweepExpansion.Count(sweeps[..2], static _ => []));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal("k0=0 k1=0 k2=0 k3=0 k4=0 k5=0 k6=1 k7=2", Text(SweepExpansion.Jobs(sweeps, static _ => []).ElementAt(1002)));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 20_000_000);
    }

    [Fact]
    public void A_million_values_are_allowed() =>
        Assert.Equal(1_000_000, SweepExpansion.Count([Override.Parse("x=range(1000000)")], static _ => []));

    [Fact]
    public void There_are_as_many_jobs_as_combinations_all_different_and_in_order() => Gen.Int[0, 4].Array[0, 5].Sample(sizes =>
    {
        Override[] sweeps = [.. sizes.Select(static (size, i) => Override.Parse($"k{i}=range({size})"))];
        int[][] jobs = [.. Jobs(sweeps).Select(static job => job.Select(static one => (int)((ScalarElement)one.Value!).Value.Integer).ToArray())];
        int product = sizes.Aggregate(1, static (a, b) => a * b);

        Assert.Equal(product, jobs.Length);
        Assert.Equal(product, SweepExpansion.Count(sweeps, static _ => []));
        Assert.Equal(Enumerable.Range(0, product), jobs.Select(job => job.Zip(sizes).Aggregate(0, static (place, pair) => (place * pair.Second) + pair.First)));
    });

    private static IEnumerable<IReadOnlyList<Override>> Jobs(params Override[] overrides) =>
        SweepExpansion.Jobs(overrides, static _ => ["a", "7", "abc", "model-b"]);

    private static IEnumerable<string> Texts(params string[] overrides) => Jobs([.. overrides.Select(Override.Parse)]).Select(Text);

    private static string Text(IReadOnlyList<Override> job) => string.Join(' ', job.Select(static one => one.Text));
}
