using Sluice.Configuration.Overrides;
using Override = Sluice.Configuration.Overrides.Override;

namespace Sluice.Tests.Configuration.Overrides;

public sealed class OverrideDirnameTests
{
    [Theory]
    [InlineData("x=3 +b=1 seed=2", "=", ",", "", "+b=1,seed=2,x=3")]
    [InlineData("x=3 seed=2 +seed=4", "=", ",", "seed", "x=3")]
    [InlineData("x=3 ~a B=1 b@p=1", "=", ",", "b", "B=1,x=3,~a")]
    [InlineData("x=\"a=b\" hydra.run.dir=d hydra/launcher=l y=1.50", "-", "_", "", "x-\"a-b\"_y-1.50")]
    [InlineData("", "=", ",", "", "")]
    public void It_joins_the_texts_in_order(string overrides, string kvSep, string itemSep, string excluded, string expected) =>
        Assert.Equal(expected, OverrideDirname.Of(
            overrides.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Override.Parse), kvSep, itemSep, [excluded]));
}
