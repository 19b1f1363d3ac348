using Sluice.Storage;

namespace Sluice.Tests.Storage;

public sealed class NetworkFileSystemTests
{
    [Theory]
    [InlineData(DriveType.Network, "whatever")]
    [InlineData(DriveType.Unknown, "nfs4")]
    [InlineData(DriveType.Fixed, "9p")]
    [InlineData(DriveType.Unknown, "fuse.sshfs")]
    public void Folders_of_other_machines_are_told(DriveType drive, string type) => Assert.True(NetworkFileSystem.Is(drive, type));

    [Theory]
    [InlineData(DriveType.Fixed, "ext4")]
    [InlineData(DriveType.Fixed, "overlay")]
    [InlineData(DriveType.Ram, "tmpfs")]
    [InlineData(DriveType.Fixed, "fuse.fuse-overlayfs")]
    [InlineData(DriveType.Fixed, "fuseblk")]
    public void Local_folders_are_not(DriveType drive, string type) => Assert.False(NetworkFileSystem.Is(drive, type));

    [Fact]
    public void A_folder_that_cannot_be_asked_is_let_through() => NetworkFileSystem.Refuse("/no/such/folder");
}
