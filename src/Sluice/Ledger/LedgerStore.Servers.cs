using Sluice.Providers;

namespace Sluice.Ledger;

/// <content>Which servers the workspace has asked for which model.</content>
public sealed partial class LedgerStore
{
    /// <summary>Returns the servers that have been asked for a model, in the order they came.</summary>
    internal IReadOnlyList<KnownServer> ServersOf(string provider, string model) => Look(() => Servers(provider, model));

    /// <summary>Enters servers that are asked for a model, those that are not known yet, and returns all of them.</summary>
    /// <param name="provider">The provider's registered name.</param>
    /// <param name="model">The model.</param>
    /// <param name="servers">The servers. The one that has the answers of earlier versions counts as such only when no server of the model was known before.</param>
    internal IReadOnlyList<KnownServer> AddServers(string provider, string model, IReadOnlyList<KnownServer> servers) => Write("servers", durable: false, () =>
    {
        var isFirst = Servers(provider, model).Count == 0;
        foreach (var server in servers)
        {
            Sql("INSERT INTO servers(provider, model, server, legacy) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
                .Bind(1, provider).Bind(2, model).Bind(3, server.Server).Bind(4, isFirst && server.HasLegacyAnswers ? 1 : 0).Run();
        }

        return Servers(provider, model);
    });

    /// <summary>Returns how the batches of a model, open and closed ones, reach their provider.</summary>
    internal IReadOnlyList<ProviderReference> ReferencesOf(string provider, string model) => Look(() =>
    {
        var references = new List<ProviderReference>();
        var find = Sql("SELECT DISTINCT api, base_url, api_key_env FROM intents WHERE provider=?1 AND model=?2").Bind(1, provider).Bind(2, model);
        while (find.Step())
        {
            references.Add(new ProviderReference(provider, find.Text(0)!, find.Text(1), find.Text(2)));
        }

        find.Reset();
        return references;
    });

    /// <summary>Tells whether the simulator was at an address when it was last asked.</summary>
    public bool IsSimulator(string address) => Look(() => Number("SELECT EXISTS(SELECT 1 FROM servers WHERE provider='' AND server=?1)", s => s.Bind(1, address))) == 1;

    /// <summary>Remembers whether the simulator is at an address: a rehearsal is then found again when it has stopped.</summary>
    public void RememberSimulator(string address, bool isSimulator)
    {
        if (IsSimulator(address) == isSimulator)
        {
            return;
        }

        Write("simulator", durable: false, () => Sql(isSimulator
            ? "INSERT INTO servers(provider, model, server, legacy) VALUES('', '', ?1, 0) ON CONFLICT DO NOTHING"
            : "DELETE FROM servers WHERE provider='' AND server=?1").Bind(1, address).Run());
    }

    private List<KnownServer> Servers(string provider, string model)
    {
        var servers = new List<KnownServer>();
        var find = Sql("SELECT server, legacy FROM servers WHERE provider=?1 AND model=?2 ORDER BY rowid").Bind(1, provider).Bind(2, model);
        while (find.Step())
        {
            servers.Add(new KnownServer(find.Text(0)!, find.Integer(1) != 0));
        }

        find.Reset();
        return servers;
    }
}

/// <summary>A server that the workspace has asked for a model.</summary>
/// <param name="Server">Its name or address, as it stands in keys; empty for the vendor's own address and the environment's.</param>
/// <param name="HasLegacyAnswers">Whether the answers are its own that were stored before the address was part of the key.</param>
internal readonly record struct KnownServer(string Server, bool HasLegacyAnswers);
