using System.Text.Json.Serialization;
using Sluice.Simulator.Anthropic;
using Sluice.Simulator.OpenAI;

namespace Sluice.Simulator.Storage;

/// <summary>The JSON of what the simulator keeps for itself; what it sends is written by hand.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredFile))]
[JsonSerializable(typeof(OpenAIBatch))]
[JsonSerializable(typeof(MessageBatch))]
internal sealed partial class SimulatorJson : JsonSerializerContext;
