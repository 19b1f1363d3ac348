namespace Sluice.Storage;

/// <summary>Tells folders that lie on another machine: a write-ahead log needs memory that all its readers share (sqlite.org/wal.html).</summary>
internal static class NetworkFileSystem
{
    /// <summary>The types as Linux and macOS name them, cluster file systems included: they share blocks, and no memory.</summary>
    private static readonly HashSet<string> Types =
    [
        "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs",
        "smb", "smb2", "smb3", "smbfs", "webdav",
        "fuse.blobfuse", "fuse.blobfuse2", "fuse.ceph", "fuse.ceph-fuse", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.juicefs",
        "fuse.mount-s3", "fuse.rclone", "fuse.s3fs", "fuse.smbnetfs", "fuse.sshfs",
    ];

    /// <summary>Refuses a folder on a network file system.</summary>
    /// <exception cref="SluiceException">The folder is on one. A folder that cannot be asked is let through.</exception>
    public static void Refuse(string folder)
    {
        DriveInfo drive;
        string type;
        try
        {
            drive = new DriveInfo(folder);
            type = drive.DriveFormat;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return;
        }

        if (Is(drive.DriveType, type))
        {
            throw new SluiceException(ErrorKind.Environment, $"{folder} is on a network file system ({type}), where cache and ledger can be corrupted", "choose a folder on a local disk with --workspace; results can be copied from there");
        }
    }

    /// <summary>Tells whether a file system reaches over a network.</summary>
    public static bool Is(DriveType drive, string type) => drive == DriveType.Network || Types.Contains(type);
}
