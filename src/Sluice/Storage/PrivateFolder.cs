namespace Sluice.Storage;

/// <summary>Tells folders of ours among those that anybody may make, such as below the system's folder for temporary files.</summary>
internal static class PrivateFolder
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Tells whether a folder that is there belongs to this user, and nobody else can read or write it.</summary>
    public static bool IsOurs(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return true;
        }

        try
        {
            if (new DirectoryInfo(path) is not { LinkTarget: null } folder || folder.UnixFileMode != Mode)
            {
                return false;
            }

            // Only its owner may change a folder's mode (chmod(2)); this one changes nothing.
            folder.UnixFileMode = Mode;
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
