using Sluice.Configuration;
using Sluice.Configuration.Interpolation;
using Interpolator = Sluice.Configuration.Interpolation.Interpolator;

namespace Sluice.Tests.Configuration.Interpolation;

/// <summary>A config that is resolved in a test, with the errors met on the way.</summary>
internal sealed class Interpolated
{
    public Interpolated(string yaml, ResolverContext? context = null)
        : this((ConfigMapping)YamlReader.Read(yaml, "f"), context)
    {
    }

    public Interpolated(ConfigMapping root, ResolverContext? context = null) =>
        Interpolator = new Interpolator(root, new ResolverSet(context ?? Context()), (path, error) =>
        {
            Paths.Add(string.Join('.', path));
            Errors.Add(error);
        });

    public Interpolator Interpolator { get; }

    public List<string> Paths { get; } = [];

    public List<ConfigException> Errors { get; } = [];

    public static ResolverContext Context(Func<string, string?>? environment = null) => new()
    {
        Environment = environment ?? (static name => name switch { "SET" => "7", "EMPTY" => "", _ => null }),
        Clock = new SweepClock(TimeProvider.System),
    };

    /// <summary>Gives a value with its types shown, errors first.</summary>
    public string Show(params string[] path)
    {
        ConfigNode? node = Interpolator.Resolve(path);
        return Errors.Count > 0 ? string.Join('\n', Errors.Select(static error => error.Message))
            : node is null ? "nothing"
            : PythonText.Literal(node);
    }
}
