using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Sluice.Storage;

/// <summary>A prepared statement without allocations: the hot path of cache and ledger. For one thread at a time.</summary>
/// <remarks>Parameters count from 1, columns from 0. ADO.NET's command costs twice as much per look-up (bench/cache).</remarks>
internal sealed class Statement : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _statement;
    private readonly string _path;

    /// <summary>Prepares a statement that will be used many times.</summary>
    /// <exception cref="SluiceException">It cannot be prepared.</exception>
    public Statement(SqliteConnection connection, string sql)
    {
        _database = connection.Handle!;
        _path = connection.DataSource;
        var code = raw.sqlite3_prepare_v3(_database, sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement);
        if (code != raw.SQLITE_OK)
        {
            throw Error(code);
        }
    }

    /// <summary>Binds bytes.</summary>
    public Statement Bind(int parameter, ReadOnlySpan<byte> value)
    {
        raw.sqlite3_bind_blob(_statement, parameter, value);
        return this;
    }

    /// <summary>Binds a key.</summary>
    public Statement Bind(int parameter, Requests.RequestKey key)
    {
        Span<byte> bytes = stackalloc byte[Requests.RequestKey.Length];
        key.CopyTo(bytes);
        raw.sqlite3_bind_blob(_statement, parameter, bytes);
        return this;
    }

    /// <summary>Binds a number.</summary>
    public Statement Bind(int parameter, long value)
    {
        raw.sqlite3_bind_int64(_statement, parameter, value);
        return this;
    }

    /// <summary>Binds a text; null is NULL.</summary>
    public Statement Bind(int parameter, string? value)
    {
        if (value is null)
        {
            raw.sqlite3_bind_null(_statement, parameter);
        }
        else
        {
            raw.sqlite3_bind_text(_statement, parameter, value);
        }

        return this;
    }

    /// <summary>Binds a number; null is NULL.</summary>
    public Statement Bind(int parameter, long? value)
    {
        if (value is { } number)
        {
            return Bind(parameter, number);
        }

        raw.sqlite3_bind_null(_statement, parameter);
        return this;
    }

    /// <summary>Moves to the next row; false when there is none.</summary>
    /// <exception cref="SluiceException">The statement failed.</exception>
    public bool Step()
    {
        var code = raw.sqlite3_step(_statement);
        if (code is raw.SQLITE_ROW or raw.SQLITE_DONE)
        {
            return code == raw.SQLITE_ROW;
        }

        var error = Error(code);
        // A statement that failed takes no parameters before it is reset: it would run with the old ones.
        Reset();
        throw error;
    }

    /// <summary>Moves to the next row; false when there is none, or it cannot be read. For databases that are known to be damaged.</summary>
    public bool TryStep() => raw.sqlite3_step(_statement) == raw.SQLITE_ROW;

    /// <summary>Runs the statement to its end and returns how many rows it changed.</summary>
    public int Run()
    {
        try
        {
            while (Step())
            {
            }

            return raw.sqlite3_changes(_database);
        }
        finally
        {
            Reset();
        }
    }

    /// <summary>Makes the statement ready for new parameters and lets go of its locks.</summary>
    public void Reset() => raw.sqlite3_reset(_statement);

    /// <summary>Returns a number of the current row; NULL is 0.</summary>
    public long Integer(int column) => raw.sqlite3_column_int64(_statement, column);

    /// <summary>Returns a text of the current row, or null.</summary>
    public string? Text(int column) =>
        IsNull(column) ? null : raw.sqlite3_column_text(_statement, column).utf8_to_string();

    /// <summary>Returns bytes of the current row; valid until the next step or reset.</summary>
    public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(_statement, column);

    /// <summary>Tells whether a column of the current row is NULL.</summary>
    public bool IsNull(int column) => raw.sqlite3_column_type(_statement, column) == raw.SQLITE_NULL;

    /// <inheritdoc/>
    public void Dispose() => _statement.Dispose();

    private SluiceException Error(int code) =>
        SqliteStore.Explain(new SqliteException(raw.sqlite3_errmsg(_database).utf8_to_string(), code, raw.sqlite3_extended_errcode(_database)), _path);
}
