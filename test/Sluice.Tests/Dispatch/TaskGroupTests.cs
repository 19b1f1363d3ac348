using Sluice.Dispatch;

namespace Sluice.Tests.Dispatch;

/// <summary>Whatever was started is waited for, however the others end.</summary>
public sealed class TaskGroupTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_error_cancels_the_other_pieces_and_is_thrown_when_they_have_ended()
    {
        var call = new TaskCompletionSource();
        var isCancelled = new TaskCompletionSource();
        bool isStored = false;

        Task group = TaskGroup.RunAsync(
            [
                async token =>
                {
                    await using CancellationTokenRegistration _ = token.Register(isCancelled.SetResult);
                    await call.Task;
                    isStored = true;
                },
                _ => throw new InvalidDataException("a broken record"),
            ],
            Token);

        await isCancelled.Task;
        Assert.False(group.IsCompleted);
        call.SetResult();
        Assert.Equal("a broken record", (await Assert.ThrowsAsync<InvalidDataException>(() => group)).Message);
        Assert.True(isStored);
    }

    [Fact]
    public async Task The_first_error_is_thrown_and_not_what_follows_from_it()
    {
        Task group = TaskGroup.RunAsync(
            [
                async token =>
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    throw new InvalidOperationException("the second one");
                },
                _ => throw new InvalidDataException("the first one"),
            ],
            Token);

        Assert.Equal("the first one", (await Assert.ThrowsAsync<InvalidDataException>(() => group)).Message);
    }

    [Fact]
    public async Task The_end_of_the_main_piece_ends_those_that_serve_it_without_an_error()
    {
        bool hasEnded = false;

        await TaskGroup.RunAsync(
            _ => Task.CompletedTask,
            [
                async token =>
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    hasEnded = true;
                    token.ThrowIfCancellationRequested();
                },
            ],
            Token);

        Assert.True(hasEnded);
    }

    [Fact]
    public async Task A_cancelled_group_waits_for_all_and_says_that_it_was_cancelled()
    {
        using var stop = new CancellationTokenSource();
        var call = new TaskCompletionSource();
        Task group = TaskGroup.RunAsync([_ => call.Task], stop.Token);

        await stop.CancelAsync();
        Assert.False(group.IsCompleted);
        call.SetResult();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => group);
    }

    [Fact]
    public async Task A_main_piece_that_came_to_its_end_is_done_though_it_was_cancelled_meanwhile()
    {
        using var stop = new CancellationTokenSource();

        await TaskGroup.RunAsync(_ => stop.CancelAsync(), [], stop.Token);

        Assert.True(stop.IsCancellationRequested);
    }

    [Fact]
    public async Task A_cancellation_that_nobody_asked_for_is_an_error()
    {
        await Assert.ThrowsAsync<TaskCanceledException>(() => TaskGroup.RunAsync([_ => throw new TaskCanceledException("an http client's own")], Token));
    }
}
