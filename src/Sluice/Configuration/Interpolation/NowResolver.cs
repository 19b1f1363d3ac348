namespace Sluice.Configuration.Interpolation;

/// <summary>Resolves <c>${now:%Y-%m-%d}</c>.</summary>
internal sealed class NowResolver(SweepClock clock)
{
    public Place Resolve(ResolverCall call)
    {
        call.Expect(1, 1);
        string format = call.Text(0);
        call.Evaluator.Spend(format.Length, call.Mark);
        return Strftime.Write(format, clock.Now, out string? unknown) is { } time
            ? call.OfText(time)
            : throw call.Fail($"{unknown} is no known part of a time in {Say.Quoted("${now:" + format + "}")}", "known: " + Strftime.Known);
    }
}
