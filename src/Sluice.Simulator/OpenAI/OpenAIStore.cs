using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>The files and batches of the OpenAI side, on disk.</summary>
internal sealed class OpenAIStore(string folder)
{
    public RecordStore<StoredFile> Files { get; } = new(Path.Combine(folder, "openai", "files"), SimulatorJson.Default.StoredFile);

    public RecordStore<OpenAIBatch> Batches { get; } = new(Path.Combine(folder, "openai", "batches"), SimulatorJson.Default.OpenAIBatch);

    public string ContentPath(string fileId) => Path.Combine(Files.Folder, fileId + ".data");

    public string TemporaryPath(string name) => Path.Combine(Files.Folder, name + ".part");
}
