using Microsoft.Extensions.Time.Testing;
using Sluice.Configuration;
using Sluice.Configuration.Interpolation;

namespace Sluice.Tests.Configuration.Interpolation;

public sealed class ResolverTests
{
    private const string Config = """
        m: { a: 1, b: "${.a}", z: null }
        l: [1, 2]
        five: 5
        d: x
        miss: ???
        dict: "{a: 1, b: [x, '2'], c: ${five}}"
        sub: { near: 3, x: "${oc.select:.near}", y: "${oc.select:..d,0}" }

        """;

    [Theory]
    [InlineData("${oc.env:SET}", "'7'")]
    [InlineData("${oc.env:EMPTY,x}", "''")]
    [InlineData("${oc.env:UNSET,12}", "'12'")]
    [InlineData("${oc.env:UNSET,1e-3}", "'0.001'")]
    [InlineData("${oc.env:UNSET,true}", "'True'")]
    [InlineData("${oc.env:UNSET,[1,a]}", "\"[1, 'a']\"")]
    [InlineData("${oc.env:UNSET,\"a, b\"}", "'a, b'")]
    [InlineData("${oc.env:UNSET,}", "''")]
    [InlineData("${oc.env:UNSET,null}", "None")]
    [InlineData("${oc.env:UNSET,${d}}", "'x'")]
    [InlineData("${oc.env:UNSET,${oc.env:SET}}", "'7'")]
    [InlineData("${oc.env:SET}/data", "'7/data'")]
    [InlineData("${oc.env:TEMPLATE}", "'${five}'")]
    [InlineData("${oc.decode:${oc.env:SET}}", "7")]
    [InlineData("${oc.decode:${oc.env:TEMPLATE}}", "5")]
    [InlineData("${oc.decode:\"'12'\"}", "'12'")]
    [InlineData("${oc.decode:null}", "None")]
    [InlineData("${oc.decode:'null'}", "None")]
    [InlineData("${oc.decode:'1e-3'}", "0.001")]
    [InlineData("${oc.decode:${dict}}.", "\"{'a': 1, 'b': ['x', '2'], 'c': 5}.\"")]
    [InlineData("${oc.select:five}", "5")]
    [InlineData("${oc.select:m.q,7}", "7")]
    [InlineData("${oc.select:nope.q}", "None")]
    [InlineData("${oc.select:five.q,7}", "7")]
    [InlineData("${oc.select:miss,7}", "7")]
    [InlineData("${oc.select:m.z,7}", "None")]
    [InlineData("${oc.select:'l[1]'}", "2")]
    [InlineData("${oc.select:m.${oc.select:q,a}}", "1")]
    [InlineData("${oc.select:q,${m}}", "{'a': 1, 'b': 1, 'z': None}")]
    [InlineData("${oc.select:q,${l}}", "[1, 2]")]
    [InlineData("${oc.select:sub}", "{'near': 3, 'x': 3, 'y': 'x'}")]
    [InlineData("${oc.create:[1,${five},{a: ${m.b}}]}", "[1, 5, {'a': 1}]")]
    [InlineData("${oc.create:{a: '\\${.b}', b: 2, c: '\\${five}'}}", "{'a': 2, 'b': 2, 'c': 5}")]
    [InlineData("${oc.create:\"k: [1, v]\"}", "{'k': [1, 'v']}")]
    [InlineData("${oc.create:word}", "{'word': None}")]
    [InlineData("${oc.dict.keys:m}", "['a', 'b', 'z']")]
    [InlineData("${oc.dict.values:m}", "[1, 1, None]")]
    [InlineData("${oc.dict.values:.m}", "[1, 1, None]")]
    [InlineData("${oc.deprecated:five}", "5")]
    [InlineData("${now:%Y-%m-%d}/${now:%H-%M-%S}", "'2024-03-07/16-05-09'")]
    [InlineData("${now:%y %j %b %B %a %A %p %I %f %% %F %T}", "'24 067 Mar March Thu Thursday PM 04 123456 % 2024-03-07 16:05:09'")]
    [InlineData("${hydra:job.name}", "'app'")]
    [InlineData("${hydra:'runtime.choices[a.b]'}", "None")]
    [InlineData("${hydra:runtime.choices.llm@gen}", "'gpt'")]
    [InlineData("${hydra:job.num}", "None")]
    [InlineData("${given:1,2}", "42")]
    [InlineData("${ns.given:}", "{'k': 5, 'r': 5}")]
    [InlineData("${ns.${word}:}", "{'k': 5, 'r': 5}")]
    public void A_resolver_gives_its_value(string text, string expected) => Assert.Equal(expected, Resolved(text).Show("x"));

    [Theory]
    [InlineData("${oc.env:NONE}", "Environment variable 'NONE' not found", "set it, or give a default: ${oc.env:NONE,...}")]
    [InlineData("${oc.env:1}", "TypeError raised while resolving interpolation: `oc.env` requires a string as input, but obtained `1` of type: int", null)]
    [InlineData("${oc.env:a,b,c}", "TypeError raised while resolving interpolation: oc.env takes 1 or 2 arguments, not 3", null)]
    [InlineData("${now:}", "TypeError raised while resolving interpolation: now takes 1 argument, not 0", null)]
    [InlineData("${now:%Q}", "%Q is no known part of a time in \"${now:%Q}\"", "known: %Y %m %d %H %M %S %f %j %y %b %B %a %A %p %I %F %T %%")]
    [InlineData("${oc.decode:${five}}", "TypeError raised while resolving interpolation: `oc.decode` can only take strings or None as input, but `5` is of type int", null)]
    [InlineData("${oc.decode:'[1'}", "\"[1\" cannot be decoded: the interpolation cannot be read at character 3, after \"[1\": ends too early: a bracket or quote is not closed", null)]
    [InlineData("${oc.create:1}", "ValidationError raised while resolving interpolation: Object of unsupported type: 'int'", "oc.create makes lists and mappings")]
    [InlineData("${oc.dict.keys:l}", "TypeError raised while resolving interpolation: `oc.dict.keys` cannot be applied to objects of type: ListConfig", null)]
    [InlineData("${oc.dict.values:d}", "TypeError raised while resolving interpolation: `oc.dict.values` cannot be applied to objects of type: str", null)]
    [InlineData("${oc.dict.keys:q}", "ConfigKeyError raised while resolving interpolation: Key not found: 'q'", null)]
    [InlineData("${oc.dict.keys:miss}", "MissingMandatoryValue while resolving interpolation: Missing mandatory value: miss", "give miss a value")]
    [InlineData("${oc.deprecated:q}", "ConfigKeyError raised while resolving interpolation: In oc.deprecated resolver at 'x': Key not found: 'q'", null)]
    [InlineData("${oc.select:l.x,1}", "TypeError raised while resolving interpolation: Index 'x' (str) is not an int", "the items of a list are counted from 0")]
    [InlineData("${oc.select:...x,1}", "ConfigKeyError while resolving interpolation: Error resolving key '...x'", "one dot is the mapping or list around the value, and each further dot one more; there are not that many")]
    [InlineData("${oc.env:OPENAI_API_KEY}", "the environment variable \"OPENAI_API_KEY\" looks like a secret, and a composed config is saved to disk", "name the variable instead: api_key_env: OPENAI_API_KEY")]
    [InlineData("${oc.env:HF_token,x}", "the environment variable \"HF_token\" looks like a secret, and a composed config is saved to disk", "name the variable instead: api_key_env: HF_token")]
    public void A_resolver_says_what_is_wrong(string text, string message, string? hint)
    {
        Interpolated config = Resolved(text, secrets: true);
        config.Interpolator.Resolve(["x"]);
        ConfigException error = Assert.Single(config.Errors);
        Assert.Equal((message, hint, 8), (error.Message, error.Hint, error.Mark.Line));
    }

    [Fact]
    public void Secrets_are_refused_only_when_asked() => Assert.Equal("'sk'", Resolved("${oc.env:OPENAI_API_KEY}").Show("x"));

    [Fact]
    public void What_a_resolver_made_can_be_referred_to()
    {
        var config = new Interpolated("a: \"${oc.create:{k: [1, {v: 2}]}}\"\nb: ${a.k.1.v}\nc: ${d.0}\nd: ${oc.dict.keys:a}\n");
        Assert.Equal("{'a': {'k': [1, {'v': 2}]}, 'b': 2, 'c': 'k', 'd': ['k']}", config.Show());
    }

    [Fact]
    public void An_error_in_an_argument_is_the_only_one_reported()
    {
        var config = new Interpolated("a: ${oc.decode:${zz}}\nb: ${oc.select:q,${a}}\nc: ${oc.dict.values:m}\nm: { k: \"${yy}\" }\nd: x ${c.0}\n");
        config.Interpolator.ResolveAll();
        Assert.Equal(["a", "m.k"], config.Paths);
    }

    [Fact]
    public void Without_settings_of_Hydra_there_is_an_error() =>
        Assert.Equal("ValueError raised while resolving interpolation: HydraConfig was not set", new Interpolated("x: ${hydra:job.name}").Show("x"));

    [Fact]
    public void A_deprecated_key_warns()
    {
        var warnings = new List<string>();
        ResolverContext context = Interpolated.Context() with { Warn = (mark, text) => warnings.Add($"{mark}: {text}") };
        new Interpolated("new: { k: 1 }\nold: ${oc.deprecated:new.k}\nolder: ${oc.deprecated:new.k,'not $OLD_KEY'}\n", context).Interpolator.ResolveAll();
        Assert.Equal(["f:2:6: 'old' is deprecated. Change your code and config to use 'new.k'", "f:3:8: not older"], warnings);
    }

    [Fact]
    public void All_jobs_of_a_sweep_get_the_same_time()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero));
        ResolverContext context = Interpolated.Context() with { Clock = new SweepClock(time) };
        string first = new Interpolated("x: ${now:%S}", context).Show("x");
        time.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal((first, "'00'"), (new Interpolated("x: ${now:%S}", context).Show("x"), first));
    }

    private static Interpolated Resolved(string text, bool secrets = false)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2024, 3, 7, 16, 5, 9, TimeSpan.Zero).AddMicroseconds(123456));
        var given = (ConfigMapping)YamlReader.Read("given: 42\nns.given: { k: \"${five}\", r: \"${.k}\" }", "f");
        return new Interpolated(Config + "x: '" + text.Replace("'", "''", StringComparison.Ordinal) + "'\nword: given\n", new ResolverContext
        {
            Environment = static name => name switch { "SET" => "7", "EMPTY" => "", "TEMPLATE" => "${five}", "OPENAI_API_KEY" => "sk", _ => null },
            Clock = new SweepClock(time),
            Hydra = static path => string.Join('.', path) switch
            {
                "job.name" => ConfigScalar.OfText("app", default),
                "job.num" => ConfigScalar.OfText("???", default),
                "runtime.choices.llm@gen" => ConfigScalar.OfText("gpt", default),
                _ => null,
            },
            Given = given.Entries.ToDictionary(static entry => entry.Key, static entry => entry.Value),
            Secrets = secrets ? SecretUse.Refuse : SecretUse.Read,
        });
    }
}
