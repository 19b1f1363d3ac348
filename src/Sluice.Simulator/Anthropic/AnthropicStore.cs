using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Anthropic;

/// <summary>The batches of the Anthropic side, on disk.</summary>
internal sealed class AnthropicStore(string folder)
{
    public RecordStore<MessageBatch> Batches { get; } = new(Path.Combine(folder, "anthropic", "batches"), SimulatorJson.Default.MessageBatch);

    public string RequestsPath(string id) => Path.Combine(Batches.Folder, id + ".requests");

    public string ResultsPath(string id) => Path.Combine(Batches.Folder, id + ".results");
}
