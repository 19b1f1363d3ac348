using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Sluice.Simulator.Storage;

/// <summary>Keeps small immutable records in memory and as one JSON file each.</summary>
internal sealed class RecordStore<T>
    where T : class, IStored
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, T> _byId = [];
    private readonly List<string> _order = [];
    private readonly JsonTypeInfo<T> _type;
    private long _sequence;

    public RecordStore(string folder, JsonTypeInfo<T> type)
    {
        Folder = folder;
        _type = type;
        DataFiles.CreateFolder(folder);
        var found = new List<T>();
        foreach (var path in Directory.EnumerateFiles(folder, "*.json"))
        {
            try
            {
                found.Add(JsonSerializer.Deserialize(File.ReadAllBytes(path), type) ?? throw new JsonException("The file says null."));
            }
            catch (JsonException error)
            {
                throw new InvalidDataException($"The simulator's file {path} cannot be read: {error.Message}", error);
            }
        }

        foreach (var record in found.OrderBy(record => record.Sequence))
        {
            _byId.Add(record.Id, record);
            _order.Add(record.Id);
            _sequence = record.Sequence;
        }
    }

    public string Folder { get; }

    public T? Find(string id)
    {
        lock (_lock)
        {
            return _byId.GetValueOrDefault(id);
        }
    }

    public T Add(Func<long, T> create)
    {
        lock (_lock)
        {
            var record = create(++_sequence);
            Save(record);
            _byId.Add(record.Id, record);
            _order.Add(record.Id);
            return record;
        }
    }

    /// <summary>Changes a record; unless <paramref name="durable"/>, in memory only (progress that a restart computes again).</summary>
    /// <returns>The record as it is now, or null when it is gone.</returns>
    public T? Update(string id, Func<T, T> change, bool durable = true)
    {
        lock (_lock)
        {
            if (!_byId.TryGetValue(id, out var record))
            {
                return null;
            }

            var changed = change(record);
            if (!ReferenceEquals(changed, record))
            {
                if (durable)
                {
                    Save(changed);
                }

                _byId[id] = changed;
            }

            return changed;
        }
    }

    public bool Remove(string id)
    {
        lock (_lock)
        {
            if (!_byId.Remove(id))
            {
                return false;
            }

            _order.Remove(id);
            File.Delete(PathOf(id));
            return true;
        }
    }

    /// <summary>Takes one page of the list.</summary>
    /// <param name="cursor">The id to start behind, or null for the first page; an unknown id gives an empty page.</param>
    public Page<T> List(string? cursor, int limit, bool newestFirst, Func<T, bool>? filter = null)
    {
        lock (_lock)
        {
            var step = newestFirst ? -1 : 1;
            var index = newestFirst ? _order.Count - 1 : 0;
            if (cursor is not null)
            {
                var at = _order.IndexOf(cursor);
                index = at < 0 ? -1 : at + step;
            }

            var page = new List<T>();
            for (; index >= 0 && index < _order.Count; index += step)
            {
                var record = _byId[_order[index]];
                if (filter is not null && !filter(record))
                {
                    continue;
                }

                if (page.Count == limit)
                {
                    return new Page<T>(page, true);
                }

                page.Add(record);
            }

            return new Page<T>(page, false);
        }
    }

    private void Save(T record) => DataFiles.Replace(PathOf(record.Id), JsonSerializer.SerializeToUtf8Bytes(record, _type));

    private string PathOf(string id) => Path.Combine(Folder, id + ".json");
}
