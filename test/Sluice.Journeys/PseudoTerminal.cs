using System.Runtime.InteropServices;

namespace Sluice.Journeys;

/// <summary>A terminal that a command writes to, and that goes away under it.</summary>
internal sealed class PseudoTerminal : IDisposable
{
    private const int ReadAndWrite = 2;
    private const int NoControl = 0x100;
    private const int NotInherited = 0x80000;

    private int _master;

    public PseudoTerminal()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pseudo-terminals are opened as on Linux");
        _master = Open(ReadAndWrite | NoControl | NotInherited);
        Assert.True(_master >= 0 && Grant(_master) == 0 && Unlock(_master) == 0, "no pseudo-terminal can be opened here");
        Path = Marshal.PtrToStringAnsi(Name(_master))!;
    }

    /// <summary>Gets the file that stands for the terminal.</summary>
    public string Path { get; }

    /// <summary>Takes the terminal away: whoever writes to it is told EIO.</summary>
    public void Close()
    {
        if (_master >= 0)
        {
            Assert.Equal(0, CloseFile(_master));
            _master = -1;
        }
    }

    public void Dispose() => Close();

    [DllImport("libc", EntryPoint = "posix_openpt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(int flags);

    [DllImport("libc", EntryPoint = "grantpt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Grant(int master);

    [DllImport("libc", EntryPoint = "unlockpt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Unlock(int master);

    [DllImport("libc", EntryPoint = "ptsname")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Name(int master);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int CloseFile(int file);
}
