using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;
using PsiMessaging.Messaging;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Protocols;

namespace PsiMessaging.Cli.Simulation;

/// <summary>What to simulate.</summary>
internal sealed record SimulationRequest
{
    public required string P1File { get; init; }
    public required string P2File { get; init; }
    public required IReadOnlyList<string> Key { get; init; }
    /// <summary>P2's key columns, where they have other names; as many.</summary>
    public IReadOnlyList<string>? P2Key { get; init; }
    public IReadOnlyList<string> Queries { get; init; } = [];
    /// <summary>The protocol; null leaves the choice to the parties.</summary>
    public PsiProtocol? Protocol { get; init; }
    /// <summary>Which checks run.</summary>
    public SecurityModel Security { get; init; }
    /// <summary>Whether both parties allow <c>vole</c> where the protocol is left to them.</summary>
    public bool AllowVole { get; init; }
    /// <summary>Who learns what; the initiator is P1.</summary>
    public RevealTo Reveal { get; init; }
    /// <summary>Whether the sender makes and uses a reusable set.</summary>
    public bool Reuse { get; init; }
    /// <summary>Whether the rows go to the linker after a session that reveals its result to both.</summary>
    public bool SendRows { get; init; } = true;
    public QueryEngine Engine { get; init; }
    /// <summary>Whether the same questions are asked once more in a second session under the other engine.</summary>
    public bool CompareEngines { get; init; }
    /// <summary>Types a person has set, by column of either file.</summary>
    public IReadOnlyDictionary<string, ColumnType> Types { get; init; } = new Dictionary<string, ColumnType>();
    /// <summary>Columns of masked matrices are padded to a multiple of this.</summary>
    public int Pad { get; init; } = 1;
    /// <summary>Form of pictures to draw beside the answers: svg or png; null for none.</summary>
    public string? Plot { get; init; }
    public int RsaBits { get; init; } = 3072;
    public DuplicateRule Duplicates { get; init; } = DuplicateRule.Reject;
    public bool FoldCase { get; init; }
    /// <summary>Which texts of both files are one value.</summary>
    public TextRule Texts { get; init; } = TextRule.Normal;
    /// <summary>Whether words such as NA in key columns stand for missing values.</summary>
    public bool MissingWords { get; init; } = true;
    /// <summary>Whether 100234.0 in key columns is 100234.</summary>
    public bool WholeNumbers { get; init; }
    /// <summary>Both datasets' minimum cell size: all files are the caller's own.</summary>
    public int MinCell { get; init; } = ParticipantConfig.DefaultMinCell;
    public int Parallelism { get; init; }
    public string? Broker { get; init; }
    /// <summary>Files of certificates, for an amqps broker.</summary>
    public BrokerFiles BrokerFiles { get; init; } = new();
    /// <summary>Seals the participants' messages in another way, for measuring what sealing costs; null means as always.</summary>
    public Func<ParticipantHome, IParticipantStore, IFrameSealing>? Sealing { get; init; }
    public string? OutputFolder { get; init; }
    /// <summary>Whether to note what the machine did in each phase.</summary>
    public bool Explain { get; init; }
    /// <summary>Whether labels in CSV files stand as they are in the data.</summary>
    public bool RawLabels { get; init; }
    /// <summary>How P1's and P2's file are read.</summary>
    public IReadOnlyList<RecordReaderOptions> Reading { get; init; } = [new(), new()];
    /// <summary>Types a person has set for P1's and P2's columns alone.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, ColumnType>> OwnTypes { get; init; } =
        [new Dictionary<string, ColumnType>(), new Dictionary<string, ColumnType>()];
    public int DeadlineSeconds { get; init; } = 24 * 3600;

    /// <summary>How a question is named before what is said of it: not at all where there is only one.</summary>
    /// <param name="query">Its place, from 0.</param>
    public string NameOf(int query) => Queries.Count == 1 ? "" : $"query {query + 1}, `{Queries[query]}`: ";
}
