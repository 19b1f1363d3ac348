using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Sluice.Storage;

/// <summary>Opens SQLite databases the one way we use them: WAL, explicit settings, a checked version, a known schema.</summary>
internal static partial class SqliteStore
{
    /// <summary>Below this version, one connection's checkpoint may corrupt a WAL that another resets (sqlite.org/wal.html#walresetbug).</summary>
    private static readonly Version SafeVersion = new(3, 51, 3);

    private const string AsideEnding = ".damaged-";

    /// <summary>SQLITE_FCNTL_HAS_MOVED (sqlite.org/c3ref/c_fcntl_begin_atomic_write.html).</summary>
    private const int AskWhetherMoved = 20;

    /// <summary>Opens a connection for one thread at a time.</summary>
    /// <param name="path">The database file; made when missing, readable by its owner only.</param>
    /// <param name="pageSize">The page size of a new database, in bytes.</param>
    /// <param name="cacheKib">The connection's page cache, in KiB.</param>
    /// <param name="walPages">After how many pages the write-ahead log is folded back.</param>
    /// <remarks>A database that cannot be written here, e.g. on a read-only file system, is opened as it is, to be read.</remarks>
    /// <exception cref="SluiceException">The file cannot be opened, is no database, or lies on a network file system.</exception>
    public static SqliteConnection Open(string path, int pageSize, int cacheKib, int walPages)
    {
        if (IsUnchangeable(path))
        {
            return OpenUnchangeable(path);
        }

        CreatePrivate(path);
        NetworkFileSystem.Refuse(Path.GetDirectoryName(path)!);
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 60 }.ToString());
        try
        {
            connection.Open();
            RequireSafeVersion(connection.ServerVersion);
            raw.sqlite3_busy_timeout(connection.Handle, 60_000);
            Execute(connection, $"PRAGMA page_size={pageSize}");
            UseWriteAheadLog(connection);
            Execute(connection, "PRAGMA synchronous=NORMAL");
            Execute(connection, $"PRAGMA cache_size=-{cacheKib}");
            Execute(connection, $"PRAGMA wal_autocheckpoint={walPages}");
            Execute(connection, "PRAGMA journal_size_limit=67108864");
            Execute(connection, "PRAGMA temp_store=FILE");
            return connection;
        }
        catch (SqliteException error)
        {
            connection.Dispose();
            throw Explain(error, path);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Makes a new, empty database that nobody else uses yet, e.g. for a copy; readable by its owner only.</summary>
    /// <exception cref="SluiceException">There is such a file already, or it cannot be made.</exception>
    public static SqliteConnection Create(string path)
    {
        if (File.Exists(path))
        {
            throw new SluiceException(ErrorKind.Usage, $"{path} exists already", "name a file that does not exist");
        }

        CreatePrivate(Path.GetFullPath(path));
        return OpenForReading(path);
    }

    /// <summary>Says how long a connection waits for another process's lock before that is an error: a minute, unless this says otherwise.</summary>
    public static void WaitForLocks(SqliteConnection connection, TimeSpan wait) => raw.sqlite3_busy_timeout(connection.Handle, (int)wait.TotalMilliseconds);

    /// <summary>Tells whether a connection can only read.</summary>
    public static bool CanOnlyRead(SqliteConnection connection) => raw.sqlite3_db_readonly(connection.Handle, "main") == 1;

    /// <summary>Opens a database as it is, to be examined; nothing of it is changed but what a crash left unfinished.</summary>
    /// <exception cref="SluiceException">It cannot be opened.</exception>
    public static SqliteConnection OpenForReading(string path)
    {
        if (IsUnchangeable(path))
        {
            return OpenUnchangeable(path);
        }

        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = 60 }.ToString());
        try
        {
            connection.Open();
            raw.sqlite3_busy_timeout(connection.Handle, 60_000);
            return connection;
        }
        catch (SqliteException error)
        {
            connection.Dispose();
            throw Explain(error, path);
        }
    }

    /// <summary>Reads a whole database and says what is wrong with its structure, or null.</summary>
    /// <exception cref="SluiceException">It is so damaged that it cannot be read.</exception>
    public static string? IntegrityProblem(SqliteConnection connection)
    {
        using var check = new Statement(connection, "PRAGMA integrity_check(1)");
        return check.Step() && check.Text(0) is { } said && said != "ok" ? $"its structure is damaged: {said}" : null;
    }

    /// <summary>Reads a whole database and throws unless its structure is sound.</summary>
    /// <exception cref="SluiceException">It is damaged; <see cref="IsDamage"/> is true of the error.</exception>
    public static void RequireSound(SqliteConnection connection)
    {
        if (IntegrityProblem(connection) is { } problem)
        {
            throw Explain(new SqliteException(problem, raw.SQLITE_CORRUPT), connection.DataSource);
        }
    }

    /// <summary>Renames a database that nobody uses, what is in its write-ahead log with it, and returns its new path.</summary>
    public static string MoveAside(string path)
    {
        FoldLog(path);
        var kept = NameAside(path);
        CrashPoint.Hit("aside.move.before");
        // The database first: without it SQLite drops a log that is left, while a database without its log would be taken for an older one.
        File.Move(path, kept);
        CrashPoint.Hit("aside.move.after");
        foreach (var part in (string[])["-wal", "-shm"])
        {
            if (File.Exists(path + part))
            {
                File.Move(path + part, kept + part);
            }
        }

        FolderSync.SyncAround(path);
        CrashPoint.Hit("aside.end");
        return kept;
    }

    /// <summary>Keeps everybody from writing into a database until the result is disposed of: a copy of it lacks nothing then. Null where it can no longer be locked, or be renamed while it is open.</summary>
    /// <exception cref="SluiceException">Another process writes into it for more than a minute.</exception>
    public static SqliteConnection? HoldStill(string path)
    {
        FoldLog(path);
        SqliteConnection? connection = null;
        try
        {
            connection = OperatingSystem.IsWindows() ? null : OpenForReading(path);
            if (connection is not null)
            {
                Execute(connection, "BEGIN IMMEDIATE");
            }

            return connection;
        }
        catch (SluiceException error) when (IsDamage(error))
        {
            // Nobody else can write into it either.
            connection?.Dispose();
            return null;
        }
        catch
        {
            connection?.Dispose();
            throw;
        }
    }

    /// <summary>Throws when the file of an open database has another name by now, or none: what is written into it is lost to everybody else.</summary>
    /// <remarks>Inside a write transaction the answer holds until its end, since a repair takes the same lock (<see cref="HoldStill"/>).</remarks>
    /// <exception cref="SluiceException">It has been replaced, moved or deleted.</exception>
    public static void RequireInPlace(SqliteConnection connection)
    {
        var hasMoved = 0;
        if (Control(connection.Handle!.DangerousGetHandle(), "main", AskWhetherMoved, ref hasMoved) == raw.SQLITE_OK && hasMoved != 0)
        {
            throw new SluiceException(
                ErrorKind.Environment,
                $"{connection.DataSource} is another file than when this command began: `sluice doctor --repair` has replaced it, or somebody has moved or deleted it",
                "run the same command again: it goes on from what is stored");
        }
    }

    /// <summary>Puts a complete database in the place of one that is held still (<see cref="HoldStill"/>), which is kept; returns the new path of that.</summary>
    /// <remarks>At every moment there is a database at the path, the old one or the new one, and the old one is whole under one of its names.</remarks>
    public static string Replace(string path, string replacement)
    {
        var kept = NameAside(path);
        CrashPoint.Hit("replace.link.before");
        var isLinked = HardLink.TryCreate(path, kept);
        var log = path + "-wal";
        if (new FileInfo(log) is { Exists: true, Length: > 0 })
        {
            // It could not be folded: the database cannot be read without it, if at all.
            File.Copy(log, kept + "-wal");
            using var copy = File.OpenHandle(kept + "-wal", FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.FlushToDisk(copy);
        }

        CrashPoint.Hit("replace.link.after");
        if (!isLinked)
        {
            File.Move(path, kept);
        }

        // Its other name is on the disk before the first one is another's.
        FolderSync.SyncAround(path);

        // A log belongs to its database: the new one must not find another's.
        File.Delete(log);
        File.Delete(path + "-shm");
        CrashPoint.Hit("replace.rename.before");
        File.Move(replacement, path, overwrite: true);
        CrashPoint.Hit("replace.rename.after");
        FolderSync.SyncAround(path);
        return kept;
    }

    /// <summary>Returns the databases that <see cref="MoveAside"/> and <see cref="Replace"/> have kept, oldest first.</summary>
    public static IReadOnlyList<string> Aside(string path) => Directory.Exists(Path.GetDirectoryName(path))
        ? [.. Directory.EnumerateFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path) + AsideEnding + "*").Where(f => int.TryParse(f.AsSpan(f.LastIndexOf('-') + 1), out _)).OrderBy(f => f.Length).ThenBy(f => f, StringComparer.Ordinal)]
        : [];

    /// <summary>Runs a statement that gives no rows worth reading.</summary>
    /// <exception cref="SluiceException">It failed.</exception>
    public static void Execute(SqliteConnection connection, string sql)
    {
        var code = raw.sqlite3_exec(connection.Handle, sql);
        if (code != raw.SQLITE_OK)
        {
            throw Explain(Failure(connection, code, sql), connection.DataSource);
        }
    }

    /// <summary>Brings everything that has been committed to a database, by whichever process, onto the disk.</summary>
    /// <param name="path">The database, to which the caller has a connection: so its log is not deleted.</param>
    /// <param name="withFolder">Whether the log may be a new file, which nobody has synced the folder for.</param>
    /// <remarks>
    /// Not by a checkpoint: that syncs the log only where it may copy from it, so not beside a reader whose snapshot is older, nor while another
    /// checkpoint runs. What is in the database and no longer in the log was synced by the checkpoint that copied it.
    /// The file has no locks of SQLite's, which closing it would give up: those are on the database and on the shared memory.
    /// </remarks>
    /// <exception cref="SluiceException">The disk is full or fails.</exception>
    public static void SyncLog(string path, bool withFolder)
    {
        try
        {
            using (var log = File.OpenHandle(path + "-wal", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
            {
                RandomAccess.FlushToDisk(log);
            }

            if (withFolder)
            {
                FolderSync.SyncAround(path);
            }
        }
        catch (FileNotFoundException)
        {
            // Nothing has been written since it was last in the database as a whole.
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DiskTrouble.Explain(error) ?? DiskTrouble.Denied(path + "-wal", error.Message, error);
        }
    }

    /// <summary>Ends what a failed statement has left open.</summary>
    public static void RollBack(SqliteConnection connection)
    {
        // An error here would say nothing new, and hide the one that led here; where a transaction stays open, the next one cannot begin.
        if (raw.sqlite3_get_autocommit(connection.Handle) == 0)
        {
            _ = raw.sqlite3_exec(connection.Handle, "ROLLBACK");
        }
    }

    /// <summary>Brings the schema up to date, one named step per version; a step interrupted half-way is done again whole.</summary>
    /// <exception cref="SluiceException">The file was written by a newer release.</exception>
    public static void Migrate(SqliteConnection connection, string path, params string[] steps)
    {
        using var version = new Statement(connection, "PRAGMA user_version");
        version.Step();
        var current = (int)version.Integer(0);
        version.Reset();
        if (current > steps.Length)
        {
            throw new SluiceException(ErrorKind.Environment, $"{path} has schema {current}; this release knows {steps.Length}", "use the release that wrote it, or a newer one");
        }

        for (var step = current; step < steps.Length; step++)
        {
            Execute(connection, "BEGIN IMMEDIATE");
            version.Step();
            var raced = version.Integer(0) > step;
            version.Reset();
            if (!raced)
            {
                if (step == 0)
                {
                    RequireEmpty(connection, path);
                }

                Execute(connection, steps[step]);
                Execute(connection, $"PRAGMA user_version={step + 1}");
            }

            CrashPoint.Hit("schema.commit.before");
            Execute(connection, "COMMIT");
            CrashPoint.Hit("schema.commit.after");
        }
    }

    /// <summary>Turns a database error into one for people.</summary>
    public static SluiceException Explain(SqliteException error, string path) => (error.SqliteErrorCode & 0xff) switch
    {
        raw.SQLITE_FULL => DiskTrouble.Full(path, error),
        raw.SQLITE_NOTADB or raw.SQLITE_CORRUPT => new(ErrorKind.Environment, $"{path} is damaged or no database: {error.Message}", "`sluice doctor` says what can be saved and how", error),
        raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN or raw.SQLITE_PERM => DiskTrouble.CannotWrite(path, error),
        raw.SQLITE_BUSY => new(ErrorKind.Environment, $"{path} is locked by another process for more than a minute", "find what holds it; do not open it for writing with other programs", error),
        raw.SQLITE_IOERR when DiskTrouble.Probe(path, error) is { } trouble => trouble,
        _ => new(ErrorKind.Environment, $"{path}: {error.Message}", "check the disk and the folder, then run the same command again", error),
    };

    /// <summary>Tells whether an error says that a file's content is damaged. All others say only that it could not be looked at.</summary>
    public static bool IsDamage(SluiceException error) =>
        error.InnerException is SqliteException inner && (inner.SqliteErrorCode & 0xff) is raw.SQLITE_NOTADB or raw.SQLITE_CORRUPT;

    /// <summary>Tells whether an error says that another process has locked the database: that goes by.</summary>
    public static bool IsLock(SluiceException error) => error.InnerException is SqliteException inner && (inner.SqliteErrorCode & 0xff) == raw.SQLITE_BUSY;

    private static string NameAside(string path)
    {
        var number = 1;
        while (File.Exists($"{path}{AsideEnding}{number}"))
        {
            number++;
        }

        return $"{path}{AsideEnding}{number}";
    }

    /// <summary>Writes what is in a database's log into the database, so that one file is all of it.</summary>
    private static void FoldLog(string path)
    {
        try
        {
            using var connection = OpenForReading(path);
            Execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
        catch (SluiceException error) when (IsDamage(error))
        {
            // It is no database any more: its log stays a file of its own.
        }
    }

    /// <summary>Turns the write-ahead log on. When several open a new file at once, all but one are told that it is busy, without the usual wait.</summary>
    private static void UseWriteAheadLog(SqliteConnection connection)
    {
        for (var tries = 1; ; tries++)
        {
            var code = raw.sqlite3_exec(connection.Handle, "PRAGMA journal_mode=WAL");
            if (code == raw.SQLITE_OK)
            {
                return;
            }

            if (code != raw.SQLITE_BUSY || tries == 100)
            {
                throw Failure(connection, code, "PRAGMA journal_mode=WAL");
            }

            // This lock is waited for: whoever was quicker has then changed the mode.
            Execute(connection, "BEGIN IMMEDIATE");
            Execute(connection, "COMMIT");
        }
    }

    private static SqliteException Failure(SqliteConnection connection, int code, string sql) =>
        new($"{raw.sqlite3_errmsg(connection.Handle).utf8_to_string()} (in `{sql}`)", code, raw.sqlite3_extended_errcode(connection.Handle));

    /// <summary>A database that has tables and no version is another program's: it is left alone.</summary>
    private static void RequireEmpty(SqliteConnection connection, string path)
    {
        using var any = new Statement(connection, "SELECT EXISTS(SELECT 1 FROM sqlite_master)");
        any.Step();
        if (any.Integer(0) == 1)
        {
            any.Reset();
            RollBack(connection);
            throw new SluiceException(ErrorKind.Usage, $"{path} is a database of another program", "name another file; nothing was changed");
        }
    }

    private static void RequireSafeVersion(string version)
    {
        if (Version.Parse(version) < SafeVersion)
        {
            throw new SluiceException(ErrorKind.Environment, $"SQLite {version} can corrupt shared databases", $"at least {SafeVersion} is needed; use the library that ships with Sluice");
        }
    }

    /// <summary>Tells whether neither a database nor the files beside it can be written: then nobody changes it while it is read, not through this path.</summary>
    private static bool IsUnchangeable(string path) => new FileInfo(path) is { Exists: true, Length: > 0 } file && FolderAccess.IsReadOnly(file.DirectoryName!);

    /// <summary>Opens a database that cannot change (sqlite.org/uri.html, <c>immutable</c>).</summary>
    /// <exception cref="SluiceException">What was written last is beside it, and cannot be put into it here.</exception>
    private static SqliteConnection OpenUnchangeable(string path)
    {
        if (File.Exists(path + "-wal"))
        {
            throw new SluiceException(
                ErrorKind.Environment,
                $"{path} cannot be read where it cannot be written: it is in use, or whoever used it last was killed",
                "run any command where it can be written, e.g. `sluice cache stats`, or copy its folder and look at the copy with --workspace");
        }

        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = $"file:{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}?immutable=1", Mode = SqliteOpenMode.ReadOnly, Pooling = false,
        }.ToString());
        try
        {
            connection.Open();
            return connection;
        }
        catch (SqliteException error)
        {
            connection.Dispose();
            throw Explain(error, path);
        }
    }

    private static void CreatePrivate(string path)
    {
        try
        {
            PrivateFiles.CreateFolder(Path.GetDirectoryName(path)!);
            PrivateFiles.Touch(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DiskTrouble.Explain(error) ?? DiskTrouble.Denied(path, error.Message, error);
        }
    }

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static partial int Control(nint database, string schema, int operation, ref int answer);
}
