using Sluice.Cli;

namespace Sluice.Tests.Launching;

public sealed class LaunchWordsTests
{
    [Theory]
    [InlineData("5GB", 5_000_000_000)]
    [InlineData("1.5 gib", 1_610_612_736L)]
    [InlineData("512MiB", 536_870_912L)]
    [InlineData("7mb", 7_000_000L)]
    [InlineData("5", null)]
    [InlineData("5G", null)]
    [InlineData("-5GB", null)]
    [InlineData("0GB", null)]
    [InlineData("GB", null)]
    public void Sizes_are_read(string text, long? bytes) => Assert.Equal(bytes, MemorySize.Parse(text));

    [Theory]
    [InlineData("python src/run_sweep.py {}", "run_sweep")]
    [InlineData("python -u run.py --config x.yaml", "run")]
    [InlineData("./train {}", "train")]
    [InlineData("sh -c", "sh")]
    [InlineData("..", "launch")]
    public void A_launch_is_named_after_its_script(string command, string name) => Assert.Equal(name, LaunchName.Of(command.Split(' ')));
}
