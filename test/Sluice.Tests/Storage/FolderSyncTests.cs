using Sluice.Storage;

namespace Sluice.Tests.Storage;

public sealed class FolderSyncTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-folder-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Folders_are_synced_by_their_own_path_and_by_that_of_what_lies_in_them()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        FolderSync.Sync(_folder);
        FolderSync.SyncAround(Path.Combine(_folder, "file"));
        FolderSync.SyncAround(_folder + "/");
        FolderSync.SyncAround("a-name-alone");
    }

    [Fact]
    public void A_folder_that_is_gone_is_an_error_that_names_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "folders cannot be synced there");
        var gone = Path.Combine(_folder, "gone");
        var error = Assert.ThrowsAny<IOException>(() => FolderSync.Sync(gone));
        Assert.Contains($" : '{gone}'", error.Message, StringComparison.Ordinal);
    }
}
