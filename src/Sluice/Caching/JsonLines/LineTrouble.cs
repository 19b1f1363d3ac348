using Sluice.Storage;

namespace Sluice.Caching.JsonLines;

/// <summary>Words what can go wrong with the files of a JSONL store.</summary>
internal static class LineTrouble
{
    /// <summary>Does work on the files and explains what goes wrong.</summary>
    public static TResult Explained<TResult>(string folder, Func<TResult> work)
    {
        try
        {
            return work();
        }
        catch (DamagedLineException error)
        {
            throw error.Explain();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DiskTrouble.Explain(error) ?? DiskTrouble.Denied(folder, error.Message, error);
        }
    }
}
