using System.Collections.Concurrent;
using ZstdSharp;

namespace Sluice.Caching.Sqlite;

/// <summary>Compresses bodies one by one with a dictionary learnt from earlier ones. Thread-safe.</summary>
/// <remarks>
/// A provider's bodies are alike: of 956 bytes of a chat completion 186 are left with a dictionary, and 519 without (zstd, level 3; bench/cache).
/// A dictionary is never taken away, since another process may still write with it.
/// </remarks>
internal sealed class BodyCodec(Func<int, byte[]?> load) : IDisposable
{
    /// <summary>Larger bodies are stored as they are: they are rare, and their buffers would not be.</summary>
    private const int MostBytes = 1024 * 1024;

    private const int Level = 3;
    private const int DictionaryBytes = 32 * 1024;

    private readonly ConcurrentDictionary<int, Tools> _tools = new();
    private volatile int _current;

    /// <summary>Gets the dictionary that new bodies are written with; 0: none, they are stored as they are.</summary>
    public int Current => _current;

    /// <summary>Says which dictionary new bodies are written with.</summary>
    public void Use(int dictionary) => _current = dictionary;

    /// <summary>Learns a dictionary from bodies; null when there is nothing to learn.</summary>
    public static byte[]? Learn(IReadOnlyCollection<byte[]> bodies)
    {
        try
        {
            return [.. DictBuilder.TrainFromBuffer(bodies, DictionaryBytes)];
        }
        catch (ZstdException)
        {
            // They have too little in common, or there are too few: they stay as they are.
            return null;
        }
    }

    /// <summary>Compresses a body when that saves at least a fifth of it.</summary>
    /// <param name="body">The body.</param>
    /// <param name="room">Where to write to; at least as long as the body.</param>
    /// <param name="written">How long the compressed body is.</param>
    /// <returns>The dictionary it was written with, or 0 when it is better left as it is.</returns>
    public int TryEncode(ReadOnlySpan<byte> body, Span<byte> room, out int written)
    {
        written = 0;
        var dictionary = _current;
        if (dictionary == 0 || body.Length is 0 or > MostBytes)
        {
            return 0;
        }

        var tools = Of(dictionary);
        var compressor = tools.RentCompressor();
        var isSmaller = compressor.TryWrap(body, room[..(body.Length * 4 / 5)], out written);
        tools.GiveBack(compressor);
        return isSmaller ? dictionary : 0;
    }

    /// <summary>Restores a body.</summary>
    /// <param name="stored">The compressed bytes.</param>
    /// <param name="dictionary">What they were written with.</param>
    /// <param name="size">How long the body is.</param>
    /// <returns>The body, or null when the bytes are damaged.</returns>
    public byte[]? Decode(ReadOnlySpan<byte> stored, int dictionary, int size)
    {
        if (size is < 0 or > MostBytes)
        {
            return null;
        }

        var tools = Of(dictionary);
        var decompressor = tools.RentDecompressor();
        try
        {
            var body = new byte[size];
            return decompressor.TryUnwrap(stored, body, out var written) && written == size ? body : null;
        }
        catch (ZstdException)
        {
            return null;
        }
        finally
        {
            tools.GiveBack(decompressor);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tools in _tools.Values)
        {
            tools.Dispose();
        }
    }

    private Tools Of(int dictionary) => _tools.TryGetValue(dictionary, out var tools) ? tools : _tools.GetOrAdd(
        dictionary,
        id => new Tools(load(id) ?? throw new SluiceException(ErrorKind.Environment, $"the cache is damaged: dictionary {id} is gone", "`sluice doctor` says what can be saved and how")));

    /// <summary>Compressors and decompressors of one dictionary; each serves one thread at a time.</summary>
    private sealed class Tools(byte[] dictionary) : IDisposable
    {
        private readonly ConcurrentBag<Compressor> _compressors = [];
        private readonly ConcurrentBag<Decompressor> _decompressors = [];

        public Compressor RentCompressor()
        {
            if (!_compressors.TryTake(out var compressor))
            {
                compressor = new Compressor(Level);
                compressor.LoadDictionary(dictionary);
            }

            return compressor;
        }

        public Decompressor RentDecompressor()
        {
            if (!_decompressors.TryTake(out var decompressor))
            {
                decompressor = new Decompressor();
                decompressor.LoadDictionary(dictionary);
            }

            return decompressor;
        }

        public void GiveBack(Compressor compressor) => _compressors.Add(compressor);

        public void GiveBack(Decompressor decompressor) => _decompressors.Add(decompressor);

        public void Dispose()
        {
            foreach (var compressor in _compressors)
            {
                compressor.Dispose();
            }

            foreach (var decompressor in _decompressors)
            {
                decompressor.Dispose();
            }
        }
    }
}
