using Microsoft.Data.Sqlite;
using Sluice.Storage;

namespace Sluice.Tests.Storage;

/// <summary>Files are private, unless a group shares the folder that they are made in.</summary>
public sealed class SharedFolderTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OfGroup = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute;
    private const UnixFileMode OfOthers = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-shared-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(Private, false)]
    [InlineData(Private | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | OfOthers, false)]
    [InlineData(Private | OfGroup | OfOthers | UnixFileMode.StickyBit, false)]
    [InlineData(Private | OfGroup, true)]
    [InlineData(Private | OfGroup | OfOthers, true)]
    [InlineData(Private | UnixFileMode.GroupRead | UnixFileMode.SetGroup, true)]
    public void The_group_has_access_where_the_folder_is_shared_and_others_never(UnixFileMode mode, bool isShared)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no modes");
        // What the umask leaves of a group's rights.
        string plain = Path.Combine(_folder, "plain");
        File.WriteAllText(plain, "");
        UnixFileMode left = File.GetUnixFileMode(plain) & (UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        string root = Path.Combine(_folder, "root");
        Directory.CreateDirectory(root);
        File.SetUnixFileMode(root, mode);

        string deep = Path.Combine(root, "a", "b");
        PrivateFiles.CreateFolder(deep);
        PrivateFiles.Touch(Path.Combine(root, "touched"));
        using (var atomic = new AtomicFile(Path.Combine(root, "replaced")))
        {
            atomic.Commit();
        }

        using SqliteConnection database = SqliteStore.Open(Path.Combine(root, "data.db"), 4096, 64, 100);
        SqliteStore.Execute(database, "CREATE TABLE t(x)");

        Assert.All(
            (string[])["touched", "replaced", "data.db", "data.db-wal", "data.db-shm"],
            name => Assert.Equal(isShared ? left : 0, File.GetUnixFileMode(Path.Combine(root, name)) & (OfGroup | OfOthers)));
        UnixFileMode folder = File.GetUnixFileMode(Path.Combine(root, "a"));
        Assert.Equal(isShared, (folder & UnixFileMode.GroupExecute) != 0);
        Assert.Equal((UnixFileMode)0, folder & OfOthers);
        // What lies deeper follows the folder that it is in.
        Assert.Equal(isShared && (left.HasFlag(UnixFileMode.GroupWrite) || mode.HasFlag(UnixFileMode.SetGroup)), (File.GetUnixFileMode(deep) & UnixFileMode.GroupExecute) != 0);
    }
}
