using CsCheck;
using Microsoft.Data.Sqlite;
using Sluice.Storage;

namespace Sluice.Tests.Storage;

/// <summary>The two-level index behaves like one dictionary, whenever it is folded.</summary>
public sealed class SlotIndexTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-slots-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private SqliteConnection Open(string name)
    {
        SqliteConnection connection = SqliteStore.Open(Path.Combine(_folder, name), 4096, 256, 1000);
        SqliteStore.Migrate(connection, name, SlotIndex.Tables("s"));
        return connection;
    }

    [Fact]
    public void It_is_a_dictionary_however_often_it_is_folded()
    {
        using SqliteConnection connection = Open("law.db");
        using var index = new SlotIndex(connection, "s", foldFrom: 4);
        Gen.Select(Gen.Int[0, 6], Gen.OneOf(Gen.Long[0, 12], Gen.Const(long.MinValue), Gen.Const(long.MaxValue)), Gen.Long[1, 3]).Array[0, 60].Sample(steps =>
        {
            SqliteStore.Execute(connection, "DELETE FROM s; DELETE FROM s_recent");
            var model = new Dictionary<long, long>();
            foreach ((int what, long slot, long value) in steps)
            {
                switch (what)
                {
                    case 0 or 1 or 2:
                        Assert.Equal(model.TryGetValue(slot, out long there) ? there : null, index.TryAdd(slot, value));
                        model.TryAdd(slot, value);
                        break;
                    case 3:
                        Assert.Equal(model.TryGetValue(slot, out long held) && held == value && model.Remove(slot), index.Remove(slot, value));
                        break;
                    case 4 when model.ContainsKey(slot):
                        index.Replace(slot, value);
                        model[slot] = value;
                        break;
                    case 5:
                        index.RemoveAll(value);
                        model = model.Where(e => e.Value != value).ToDictionary();
                        break;
                    default:
                        index.FoldWhenLarge(() => 0);
                        break;
                }
            }

            foreach (long slot in steps.Select(s => s.Item2).Distinct())
            {
                Assert.Equal(model.TryGetValue(slot, out long value) ? value : null, index.Find(slot));
            }
        }, iter: 500, threads: 1);
    }

    [Fact]
    public void New_entries_are_folded_once_there_are_enough()
    {
        using SqliteConnection connection = Open("fold.db");
        using var index = new SlotIndex(connection, "s", foldFrom: 10);
        for (int i = 0; i < 25; i++)
        {
            index.TryAdd(i, i);
            index.FoldWhenLarge(() => 0);
        }

        Assert.Equal((20, 5), (Count("s"), Count("s_recent")));

        long Count(string table)
        {
            using var count = new Statement(connection, $"SELECT count(*) FROM {table}");
            count.Step();
            return count.Integer(0);
        }
    }
}
