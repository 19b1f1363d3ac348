using System.Globalization;
using System.Text;

namespace Sluice.Testing;

/// <summary>What holds after every finished run, whatever has happened on the way. The one checker of journeys and simulation.</summary>
public static class Invariants
{
    /// <summary>How many cases of one violation are named.</summary>
    private const int Named = 3;

    private const int ChunkBytes = 1024 * 1024;

    /// <summary>Throws when something does not hold.</summary>
    /// <exception cref="InvariantException">It lists everything that does not hold.</exception>
    public static void Require(Facts facts)
    {
        var violations = Check(facts);
        if (violations.Count > 0)
        {
            throw new InvariantException(violations);
        }
    }

    /// <summary>Returns what does not hold, one sentence each; each begins with the invariant's number.</summary>
    public static IReadOnlyList<string> Check(Facts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return
        [
            .. CommittedAnswersStay(facts), .. AtMostOneFinalResult(facts), .. OneBatchPerIntent(facts), .. NothingIsPaidTwice(facts),
            .. SameResults(facts), .. NoSecrets(facts), .. NothingIsLeft(facts), .. MemoryHolds(facts), .. OnlyTheOwnerReads(facts),
        ];
    }

    private static IEnumerable<string> CommittedAnswersStay(Facts facts)
    {
        var after = facts.After.ToLookup(answer => answer.Request, answer => answer.Hash, StringComparer.Ordinal);
        return
        [
            .. Some("I1", "answers that were in the cache are gone", facts.Before.Where(b => !after.Contains(b.Request)).Select(b => b.Request)),
            .. Some("I1", "answers in the cache have changed", facts.Before.Where(b => after.Contains(b.Request) && !after[b.Request].Contains(b.Hash)).Select(b => b.Request)),
        ];
    }

    private static IEnumerable<string> AtMostOneFinalResult(Facts facts)
    {
        var answered = facts.After.Select(answer => answer.Request).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. Some("I2", "requests have two answers in the cache", Repeated(facts.After.Select(answer => answer.Request))),
            .. Some("I2", "requests are answered and have failed for good", facts.Failed.Where(answered.Contains)),
            .. Some("I2", "samples have two lines in the results", Repeated(facts.Finished)),
        ];
    }

    private static IEnumerable<string> OneBatchPerIntent(Facts facts)
    {
        var reported = facts.ReportedTwins.ToHashSet(StringComparer.Ordinal);
        return Some("I3", "intents have several batches, and not all but one were reported", facts.Batches.Where(b => b.Intent is not null && !b.IsRefused).GroupBy(b => b.Intent!)
            .Where(intent => intent.Count() - intent.Count(b => reported.Contains(b.Id)) > 1).Select(intent => $"{intent.Key}: {string.Join(", ", intent.Select(b => b.Id))}"));
    }

    private static IEnumerable<string> NothingIsPaidTwice(Facts facts)
    {
        var repeated = facts.ExecutionsByRequest.Where(e => e.Value > 1).ToList();
        var more = Math.Max(facts.Executions - facts.UniqueRequests ?? 0, repeated.Sum(e => e.Value - 1L));
        if (more > facts.DocumentedRetries)
        {
            var names = repeated.Take(Named).Select(e => $"{e.Key}: {Number(e.Value)} times");
            yield return $"I4: {Number(more)} executions more than one per request, {Number(facts.DocumentedRetries)} are allowed ({string.Join("; ", names.DefaultIfEmpty($"{Number(facts.Executions ?? 0)} of {Number(facts.UniqueRequests ?? 0)} requests"))})";
        }
    }

    private static IEnumerable<string> SameResults(Facts facts)
    {
        var settled = facts.After.Select(answer => answer.Request).Concat(facts.Failed).ToHashSet(StringComparer.Ordinal);
        foreach (var violation in Some("I5", "requests are neither answered nor failed", facts.Expected.Where(request => !settled.Contains(request))))
        {
            yield return violation;
        }

        foreach (var (experiment, expected) in facts.Undisturbed.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            if (!facts.Results.TryGetValue(experiment, out var actual))
            {
                yield return $"I5: experiment {experiment} has no results";
            }
            else if (actual != expected)
            {
                yield return $"I5: the results of {experiment} are not those of an undisturbed run: {Difference(expected.Split('\n'), actual.Split('\n'))}";
            }
        }
    }

    private static string Difference(string[] expected, string[] actual)
    {
        var line = expected.Zip(actual).TakeWhile(pair => pair.First == pair.Second).Count();
        return $"line {Number(line + 1)} is `{actual.ElementAtOrDefault(line)}` instead of `{expected.ElementAtOrDefault(line)}`";
    }

    private static IEnumerable<string> NoSecrets(Facts facts)
    {
        var files = facts.Folder is null || facts.Secrets.Count == 0 ? [] : Directory.EnumerateFiles(facts.Folder, "*", SearchOption.AllDirectories);
        return
        [
            .. Some("I6", "files hold a secret", files.Where(file => facts.Secrets.Any(secret => Holds(file, secret)))),
            .. Some("I6", "texts hold a secret", facts.Texts.Where(text => facts.Secrets.Any(secret => text.Value.Contains(secret, StringComparison.Ordinal))).Select(text => text.Key)),
        ];
    }

    /// <summary>Searches a file as bytes, whatever it is; nothing of its size is held.</summary>
    private static bool Holds(string path, string secret)
    {
        byte[][] forms = [Encoding.UTF8.GetBytes(secret), Encoding.Unicode.GetBytes(secret), Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(secret)))];
        var overlap = forms.Max(form => form.Length);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
        var buffer = new byte[ChunkBytes + overlap];
        var kept = 0;
        while (file.Read(buffer.AsSpan(kept, ChunkBytes)) is var read and > 0)
        {
            var text = buffer.AsSpan(0, kept + read);
            foreach (var form in forms)
            {
                if (text.IndexOf(form) >= 0)
                {
                    return true;
                }
            }

            // A secret may lie across two pieces.
            kept = Math.Min(overlap, text.Length);
            text[^kept..].CopyTo(buffer);
        }

        return false;
    }

    private static IEnumerable<string> NothingIsLeft(Facts facts) =>
    [
        .. Some("I7", "files are left", facts.LeftFiles),
        .. Some("I7", "entries of the ledger are left", facts.LeftEntries),
        .. Some("I7", "processes are left", facts.LeftProcesses),
    ];

    private static IEnumerable<string> MemoryHolds(Facts facts)
    {
        if (facts.PeakMemory > facts.MemoryLimit)
        {
            yield return $"I8: {Number(facts.PeakMemory.Value)} bytes of memory, {Number(facts.MemoryLimit.Value)} are allowed";
        }
    }

    /// <summary>What the program writes is its owner's alone; a folder that is shared with a group shares it with that group, and with nobody else.</summary>
    private static IEnumerable<string> OnlyTheOwnerReads(Facts facts)
    {
        if (facts.Folder is null || OperatingSystem.IsWindows())
        {
            return [];
        }

        const UnixFileMode Group = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute;
        const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        var isShared = (ModeOf(facts.Folder) & (UnixFileMode.GroupWrite | UnixFileMode.SetGroup)) != 0;
        var forbidden = isShared ? Others : Group | Others;
        return Some("I9", "files or folders are open to others", ((string[])[".sluice", "runs"]).Select(name => Path.Combine(facts.Folder, name)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Prepend(folder))
            .Where(path => (ModeOf(path) & forbidden) != 0)
            .Select(path => $"{Path.GetRelativePath(facts.Folder, path)} ({Convert.ToString((int)ModeOf(path), 8)})").Order(StringComparer.Ordinal));
    }

    private static UnixFileMode ModeOf(string path) => OperatingSystem.IsWindows() ? UnixFileMode.None : File.GetUnixFileMode(path);

    private static IEnumerable<string> Repeated(IEnumerable<string> names) => names.GroupBy(name => name).Where(group => group.Count() > 1).Select(group => group.Key);

    private static IEnumerable<string> Some(string invariant, string what, IEnumerable<string> cases)
    {
        var all = cases.ToList();
        return all.Count == 0 ? [] : [$"{invariant}: {Number(all.Count)} {what}: {string.Join("; ", all.Take(Named))}{(all.Count > Named ? "; …" : "")}"];
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Something does not hold that always has to.</summary>
public sealed class InvariantException(IReadOnlyList<string> violations) : Exception(string.Join("\n", violations))
{
    /// <summary>Gets what does not hold, one sentence each.</summary>
    public IReadOnlyList<string> Violations { get; } = violations;
}
