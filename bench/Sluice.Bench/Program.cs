using Sluice.Bench;

return args switch
{
    ["replay", .. var rest] => await ReplayBench.RunAsync(Arguments.Number(rest, 0, 100_000)).ConfigureAwait(false),
    ["cache", "head", var values] => CacheBench.Head(values),
    ["cache", var store, .. var rest] => await CacheBench.RunAsync(store, Arguments.Number(rest, 0, 1_000_000)).ConfigureAwait(false),
    ["compose", .. var rest] => ComposeBench.Run(Arguments.Number(rest, 0, 10_000)),
    ["memory", var program, .. var rest] => await MemoryBench.RunAsync(program, [.. rest.Select(long.Parse)]).ConfigureAwait(false),
    _ => Arguments.Usage(),
};
