using Sluice.Launching;

namespace Sluice.Tests.Launching;

public sealed class ProcessTreeTests
{
    private readonly ProcessTree _tree = new(new ProcessEntry(10, 1, 10, 'S', 100), "NO SUCH MARK");

    [Theory]
    [InlineData("12 (sh) S 3 12 12 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0", 12, 3, 12, 'S', 777)]
    [InlineData("12 (a) b (c) D) Z 3 12 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0\n", 12, 3, 9, 'Z', 777)]
    public void A_line_of_the_kernel_is_read(string line, int id, int parent, int session, char state, ulong start) =>
        Assert.Equal(new ProcessEntry(id, parent, session, state, start), ProcessEntry.Parse(line));

    [Theory]
    [InlineData("")]
    [InlineData(")")]
    [InlineData("1 (x)")]
    [InlineData("1 (x) S 2 3")]
    [InlineData("x (x) S 3 12 12 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0")]
    public void What_is_no_such_line_is_none(string line) => Assert.Null(ProcessEntry.Parse(line));

    [Fact]
    public void Children_of_children_and_the_session_belong_to_it() =>
        Assert.Equal([10, 11, 12, 13], Members(new(10, 1, 10, 'S', 100), new(11, 10, 10, 'S', 101), new(12, 11, 12, 'S', 102), new(13, 1, 10, 'S', 103), new(14, 1, 14, 'S', 104)));

    [Fact]
    public void One_that_was_seen_belongs_to_it_when_it_has_another_parent_and_session()
    {
        Members(new(10, 1, 10, 'S', 100), new(12, 10, 12, 'S', 102));

        Assert.Equal([12, 13], Members(new(12, 1, 12, 'S', 102), new(13, 12, 12, 'S', 200)));
    }

    [Fact]
    public void Another_process_with_a_number_that_was_seen_does_not()
    {
        Members(new(10, 1, 10, 'S', 100), new(12, 10, 12, 'S', 102));

        Assert.Empty(Members(new ProcessEntry(12, 1, 12, 'S', 500)));
    }

    [Fact]
    public void The_dead_do_not_count_but_their_children_do() =>
        Assert.Equal([11], Members(new(10, 1, 10, 'Z', 100), new(11, 10, 11, 'S', 101)));

    private int[] Members(params ProcessEntry[] table) => [.. _tree.Members(table).Select(e => e.Id)];
}
