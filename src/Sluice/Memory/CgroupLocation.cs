using System.Text;

namespace Sluice.Memory;

/// <summary>Where the memory controller's files of this process are.</summary>
/// <param name="Version">The kind of control groups.</param>
/// <param name="FilesOfV1">Whether the files are those of version 1.</param>
/// <param name="MountPoint">The folder at which the hierarchy is mounted.</param>
/// <param name="Own">The process's own folder: the mount or one below it.</param>
internal sealed record CgroupLocation(CgroupVersion Version, bool FilesOfV1, string MountPoint, string Own)
{
    private const string Deleted = " (deleted)";

    /// <summary>Finds the location; null when there is none.</summary>
    public static CgroupLocation? Find(ProcFiles files)
    {
        string? pathOfV1 = null;
        string? pathOfV2 = null;
        foreach (string line in files.ReadLines("/proc/self/cgroup"))
        {
            // id:controllers:path, where the path may have colons.
            string[] parts = line.Split(':', 3);
            if (parts is ["0", "", var path])
            {
                pathOfV2 = path;
            }
            else if (parts.Length == 3 && parts[1].Split(',').Contains("memory"))
            {
                pathOfV1 = parts[2];
            }
        }

        List<Mount> mounts = [.. files.ReadLines("/proc/self/mountinfo").Select(Mount.Parse).OfType<Mount>()];
        Mount? v1 = Best(mounts.Where(static m => m.Type == "cgroup" && m.Options.Split(',').Contains("memory")), pathOfV1);
        Mount? v2 = Best(mounts.Where(m => m.Type == "cgroup2" && HasMemory(files, m.Point)), pathOfV2)
            ?? Best(mounts.Where(static m => m.Type == "cgroup2"), pathOfV2);
        bool both = mounts.Exists(static m => m.Type == "cgroup") && v2 is not null;
        if (pathOfV1 is not null && v1 is not null)
        {
            return Of(files, both ? CgroupVersion.Hybrid : CgroupVersion.V1, filesOfV1: true, v1, pathOfV1);
        }

        if (pathOfV2 is null || v2 is null)
        {
            return null;
        }

        CgroupLocation location = Of(files, both ? CgroupVersion.Hybrid : CgroupVersion.V2, filesOfV1: false, v2, pathOfV2);
        if (HasMemory(files, v2.Point) || files.FileExists(location.Own + "/memory.current"))
        {
            return location;
        }

        files.Note($"the control groups at {v2.Point} have no memory controller");
        return null;
    }

    /// <summary>Gets the folders from the own group up to the mount.</summary>
    public IEnumerable<string> Levels()
    {
        string folder = Own;
        while (folder.Length > MountPoint.Length)
        {
            yield return folder;
            folder = folder[..folder.LastIndexOf('/')];
        }

        yield return MountPoint;
    }

    // A hierarchy can be mounted several times: the mount that shows most of the path's levels serves best.
    private static Mount? Best(IEnumerable<Mount> mounts, string? path) => mounts
        .Reverse()
        .OrderBy(m => IsAncestor(m.Root, path ?? "/") ? 0 : 1)
        .ThenBy(static m => m.Root.Length)
        .FirstOrDefault();

    private static bool HasMemory(ProcFiles files, string point) =>
        files.ReadText(point + "/cgroup.controllers")?.Split([' ', '\n']).Contains("memory") == true
        || files.FileExists(point + "/memory.current");

    private static CgroupLocation Of(ProcFiles files, CgroupVersion version, bool filesOfV1, Mount mount, string path)
    {
        string point = mount.Point.TrimEnd('/');
        // A group can also be called so.
        if (path.EndsWith(Deleted, StringComparison.Ordinal) && !files.FolderExists(point + Below(mount.Root, path)))
        {
            path = path[..^Deleted.Length];
            files.Note("the own control group has been deleted; its parent counts");
        }

        if (path.Split('/').Contains(".."))
        {
            files.Note("the own control group lies outside of what can be seen; its limits may be tighter");
            return new CgroupLocation(version, filesOfV1, point, point);
        }

        string own = (point + Below(mount.Root, path)).TrimEnd('/');
        while (own.Length > point.Length && !files.FolderExists(own))
        {
            own = own[..own.LastIndexOf('/')];
        }

        return new CgroupLocation(version, filesOfV1, point, own);
    }

    // Docker on version 1 mounts the container's group itself: root /docker/ab, path /docker/ab/x, folder <mount>/x.
    private static string Below(string root, string path) => IsAncestor(root, path) ? path[root.TrimEnd('/').Length..] : path;

    // By whole components: /docker/ab is no ancestor of /docker/abc.
    private static bool IsAncestor(string root, string path)
    {
        root = root.TrimEnd('/');
        return path.StartsWith(root, StringComparison.Ordinal) && (path.Length == root.Length || path[root.Length] == '/');
    }

    /// <summary>A line of the mount table.</summary>
    private sealed record Mount(string Root, string Point, string Type, string Options)
    {
        // id parent major:minor ROOT POINT options [any number of fields] - TYPE source OPTIONS
        public static Mount? Parse(string line)
        {
            string[] fields = line.Split(' ');
            int dash = Array.IndexOf(fields, "-", Math.Min(6, fields.Length));
            return dash < 0 || fields.Length < dash + 4
                ? null
                : new Mount(Unescape(fields[3]), Unescape(fields[4]), fields[dash + 1], fields[dash + 3]);
        }

        // Blank, tab, line feed and backslash are written as a backslash and three octal digits, byte by byte.
        private static string Unescape(string field)
        {
            if (!field.Contains('\\'))
            {
                return field;
            }

            var text = new StringBuilder(field.Length);
            for (int i = 0; i < field.Length; i++)
            {
                if (field[i] == '\\' && i + 3 < field.Length && field.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
                {
                    text.Append((char)(((field[i + 1] - '0') << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0')));
                    i += 3;
                }
                else
                {
                    text.Append(field[i]);
                }
            }

            return text.ToString();
        }
    }
}
