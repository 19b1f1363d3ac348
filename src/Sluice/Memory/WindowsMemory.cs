using System.Runtime.InteropServices;

namespace Sluice.Memory;

/// <summary>The machine's memory on Windows.</summary>
internal static partial class WindowsMemory
{
    /// <summary>Returns the machine's memory and what is left of it; null when Windows does not tell.</summary>
    /// <remarks>Windows promises no more memory than it has: what may still be promised can run out before the memory does, so the lesser counts.</remarks>
    public static (long Total, long Available)? Read()
    {
        var status = new Status { Length = (uint)Marshal.SizeOf<Status>() };
        return Ask(ref status) ? ((long)status.TotalPhysical, (long)Math.Min(status.AvailablePhysical, status.AvailableCommit)) : null;
    }

    [LibraryImport("kernel32.dll", EntryPoint = "GlobalMemoryStatusEx", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool Ask(ref Status status);

    // MEMORYSTATUSEX; ullTotalPageFile and ullAvailPageFile are about commit, not about a file.
    [StructLayout(LayoutKind.Sequential)]
    private struct Status
    {
        public uint Length;
        public uint Load;
        public ulong TotalPhysical;
        public ulong AvailablePhysical;
        public ulong TotalCommit;
        public ulong AvailableCommit;
        public ulong TotalVirtual;
        public ulong AvailableVirtual;
        public ulong AvailableExtendedVirtual;
    }
}
