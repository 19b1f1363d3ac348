using System.Security.Cryptography;
using System.Text;

namespace Sluice.Journeys;

/// <summary>What a power cut may have left.</summary>
/// <param name="Name">How it comes about, to find it again.</param>
/// <param name="Sent">How many requests that make a batch had left by then.</param>
/// <param name="Files">The files by path, and the folders, which end with a slash.</param>
internal sealed record CrashState(string Name, int Sent, SortedDictionary<string, byte[]> Files)
{
    /// <summary>Makes the files below a folder.</summary>
    public void WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var (path, bytes) in Files)
        {
            var full = Path.Combine(folder, path);
            if (path.EndsWith('/'))
            {
                Directory.CreateDirectory(full);
            }
            else
            {
                File.WriteAllBytes(full, bytes);
            }
        }
    }

    /// <summary>Gets what tells it from others.</summary>
    public string Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (path, bytes) in Files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{path}\n{bytes.Length}\n"));
            hash.AppendData(bytes);
        }

        return Convert.ToHexString(hash.GetCurrentHash());
    }
}

/// <summary>Chooses states out of the very many that a power cut during a log may leave, the same ones for the same seed.</summary>
/// <remarks>
/// Which files they are about is a target: of their calls that nothing has synced all are lost, or a single one, or it is torn, or any of them are
/// lost and torn by chance. Calls for other files are mostly done: a ledger that has got further than the cache is what must not be.
/// </remarks>
internal sealed class CrashStates(IReadOnlyList<WriteEntry> log, Func<string, bool> isTarget, int seed)
{
    private readonly Random _chance = new(seed);
    private readonly HashSet<string> _seen = [];

    /// <summary>Returns so many states, each different, or as many as there are.</summary>
    public IEnumerable<CrashState> Take(int count)
    {
        var pending = Survey();
        var prefixes = Enumerable.Range(0, log.Count).Where(i => pending[i] > 0).ToArray();
        // Right after a call on which another file's content may rest, all that was not synced is gone.
        var decisive = prefixes.Where(i => log[i].Kind is WriteKind.Sync or WriteKind.Unlink or WriteKind.Rename or WriteKind.Sent).ToArray();
        _chance.Shuffle(decisive);
        var taken = 0;
        for (var round = 0; round < 20 && taken < count; round++)
        {
            var plan = round == 0
                ? decisive.Take(count / 2).Select(i => new Variant(i, What.AllLost, 0, 512, 0))
                : Enumerable.Range(0, count - taken).Select(_ => Choose(prefixes, pending));
            foreach (var state in Build([.. plan.OrderBy(v => v.Prefix)]))
            {
                if (taken < count && _seen.Add(state.Hash()))
                {
                    taken++;
                    yield return state;
                }
            }
        }
    }

    private enum What
    {
        AllLost,
        OneLost,
        OneHead,
        OneTail,
        Chance,
        ChanceEverywhere,
    }

    private sealed record Variant(int Prefix, What What, int Index, int Block, int Seed);

    private Variant Choose(int[] prefixes, int[] pending)
    {
        var prefix = prefixes[_chance.Next(prefixes.Length)];
        What[] kinds = [What.OneLost, What.OneHead, What.OneTail, What.Chance, What.Chance, What.ChanceEverywhere];
        return new Variant(prefix, kinds[_chance.Next(kinds.Length)], _chance.Next(pending[prefix]), _chance.Next(2) == 0 ? 512 : 4096, _chance.Next());
    }

    /// <summary>Counts the target's calls that are not synced after each entry.</summary>
    private int[] Survey()
    {
        var disk = new CrashDisk();
        var pending = new int[log.Count];
        for (var i = 0; i < log.Count; i++)
        {
            disk.Apply(log[i]);
            pending[i] = disk.Pending.Count(IsTarget);
        }

        return pending;
    }

    private bool IsTarget(PendingCall call) => isTarget(call.Entry.Path) || (call.Entry.Other.Length > 0 && isTarget(call.Entry.Other));

    private IEnumerable<CrashState> Build(IReadOnlyList<Variant> plan)
    {
        var disk = new CrashDisk();
        var (done, sent) = (0, 0);
        foreach (var variant in plan)
        {
            for (; done <= variant.Prefix; done++)
            {
                disk.Apply(log[done]);
                sent += log[done].Kind == WriteKind.Sent ? 1 : 0;
            }

            var chance = new Random(variant.Seed);
            var (fates, said) = Decide(disk.Pending, variant, chance);
            yield return new CrashState($"after call {variant.Prefix} ({log[variant.Prefix]}): {said}", sent, disk.Cut(fates, chance, variant.Block));
        }
    }

    private (Fate[] Fates, string Said) Decide(IReadOnlyList<PendingCall> calls, Variant variant, Random chance)
    {
        var fates = new Fate[calls.Count];
        var targets = Enumerable.Range(0, calls.Count).Where(i => IsTarget(calls[i])).ToArray();
        var one = targets[variant.Index];
        switch (variant.What)
        {
            case What.AllLost:
                Array.ForEach(targets, i => fates[i] = Fate.Lost);
                return (fates, "all is lost that was not synced");
            case What.OneLost or What.OneHead or What.OneTail:
                fates[one] = variant.What switch { What.OneHead when calls[one].IsWrite => Fate.Head, What.OneTail when calls[one].IsWrite => Fate.Tail, _ => Fate.Lost };
                return (fates, $"{fates[one]} at {variant.Block}: {calls[one].Entry}");
            default:
                double[] shares = [0.1, 0.5, 0.9];
                var share = shares[chance.Next(shares.Length)];
                foreach (var i in variant.What == What.Chance ? targets : Enumerable.Range(0, calls.Count))
                {
                    fates[i] = chance.NextDouble() < share ? Fate.Lost : calls[i].IsWrite && chance.Next(3) == 0 ? Fate.Blocks : Fate.Kept;
                }

                return (fates, $"{variant.What} {variant.Seed}, {share:P0} lost, blocks of {variant.Block}");
        }
    }
}
