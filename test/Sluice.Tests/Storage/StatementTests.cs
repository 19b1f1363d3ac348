using Microsoft.Data.Sqlite;
using Sluice.Storage;

namespace Sluice.Tests.Storage;

public sealed class StatementTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-statement-").FullName;
    private readonly SqliteConnection _connection;

    public StatementTests() => _connection = SqliteStore.Open(Path.Combine(_folder, "some.db"), 4096, 64, 100);

    public void Dispose()
    {
        _connection.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void After_a_failure_it_runs_with_the_parameters_that_are_bound_next()
    {
        // The absolute value of the smallest number is none that fits.
        using var statement = new Statement(_connection, "SELECT abs(?1)");
        Assert.Throws<SluiceException>(() => statement.Bind(1, long.MinValue).Step());
        Assert.True(statement.Bind(1, -5L).Step());
        Assert.Equal(5, statement.Integer(0));
    }

    [Fact]
    public void Every_failure_names_the_file()
    {
        using var statement = new Statement(_connection, "SELECT abs(?1)");
        foreach (var action in (Action[])[() => statement.Bind(1, long.MinValue).Step(), () => new Statement(_connection, "SELECT nothing").Dispose(), () => SqliteStore.Execute(_connection, "COMMIT")])
        {
            var error = Assert.Throws<SluiceException>(action);
            Assert.Equal(ErrorKind.Environment, error.Kind);
            Assert.Contains("some.db", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Rolling_back_what_is_no_transaction_is_harmless()
    {
        SqliteStore.RollBack(_connection);
        SqliteStore.Execute(_connection, "BEGIN; CREATE TABLE t(x)");
        SqliteStore.RollBack(_connection);
        SqliteStore.Execute(_connection, "BEGIN; CREATE TABLE t(x); COMMIT");
    }
}
