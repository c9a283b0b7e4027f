using System.Text.Json;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Contracts.Tests;

/// <summary>
/// One sample of every message against its stored form. A difference is a change of the wire: additive, or a new version. Rewrite the samples with
/// PSI_WRITE_GOLDEN=1 and change the message's page in the same commit.
/// </summary>
public class GoldenTests
{
    private const string Id = "0123456789abcdef0123456789abcdef";
    private static readonly byte[] Hash = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly string Folder = Path.Combine(Path.GetDirectoryName(typeof(GoldenTests).Assembly.Location)!, "Golden");

    private static readonly object[] Samples =
    [
        new ProposeSession
        {
            SessionId = Id, Initiator = "P1", Responder = "P2", Linker = "LINKER",
            PeerDataset = "bi", Protocol = "rsa", Engine = "tokens", Reveal = "both", RsaBits = 2048,
            Profile = new CanonicalizationProfile(2, "keep", 1, "normal"), Duplicates = "reject", MinCell = 3,
            KeyNames = ["IDKEY"], KeyForms = [new KeyForm("letters-and-digits", "upper", 16)], SetSize = 1000, SetCommitment = Hash, Nonce = Hash,
            Rsa = new RsaSender([0xff, 0x01], [1, 0, 1], [7, 8, 9]), SharedKeyCheck = Hash[..16], DeadlineSeconds = 86400,
        },
        new AcceptSession
        {
            SessionId = Id,
            ProposalHash = Hash,
            KeyForms = [new KeyForm("digits", Length: 8)],
            SetSize = 3479,
            Nonce = Hash,
            Rsa = new RsaSender([0xff, 0x03], [1, 0, 1], [7, 8, 9], Hash),
            MinCell = 5
        },
        new AbortSession(Id, FailureCodes.ProfileMismatch, "the identifiers would be read differently"),
        new ApprovalPending(Id, Id),
        new RestartProtocol(Id, Hash, 1, Hash),
        new RoundBatch(Id, Hash, 1, 0, 4, 1024, 256),
        new GrantCredit(Id, Hash, 3, 24),
        new CompleteSession(Id, Hash, 730, Hash),
        new AnnounceColumns(Id, Hash, [new ColumnDescription("CLASSE_ETA", "text"), new ColumnDescription("REDDITO", "decimal(11,2)")], Guarded: true),
        new RegisterDataset(Id, Hash, "P2", "tokens", 5, 730, [Id]),
        new DatasetBatch(Id, 0, 730, true),
        new DatasetRegistered(Id, "P1", 730),
        new RunQuery(Id, Id, [new ColumnToken("P1", Id)], [new TokenFilter("P2", Id, [Hash], Keep: true)]),
        new QueryAnswered(Id, Id, 12, 5, Complete: false),
        new QueryRefused(Id, Id, FailureCodes.NotRegistered, "not both parties' rows are registered"),
        new QueryAsked(Id, Id, "P1", [new ColumnToken("P1", Id)], "answered"),
        new ProposeQuery(Id, Hash, Id, 7, 600),
        new AcceptQuery(Id, Hash, Id),
        new RefuseQuery(Id, Hash, Id, FailureCodes.MaskCounter, 9),
        new WithdrawQuery(Id, Id, FailureCodes.Deadline),
        new OpenProduct(Id, Id, "P1", 7, 730, 4, 3, 32768),
        new MaskedRows(Id, Id, 0, 730),
        new MaskedCorrection(Id, Id),
        new ReleaseTransfer(Id, Id),
        new ReleaseTables(Id, Id),
        new ProductComputed(Id, Id, 730, 4, 3),
        new StartSession
        {
            Peer = "P2", Linker = "LINKER", Dataset = "istat", Protocol = "ecdh", Engine = "tokens",
            Reveal = "initiator", RsaBits = 3072, MinCell = 1, DeadlineSeconds = 86400
        },
        new SendDataset(Id),
        new SubmitQuery(Id, "CLASSE_ETA, CLASSE_REDDITO"),
        new CancelSession(Id),
        new DecideApproval(Id, Id, Approve: false, Reason: "not this dataset"),
        new CommandReply(true, Id, QueryId: Id),
        new EvaluateBatch(Id, Id, 1, 7, "EcdhMask", 87, 32),
        new BatchEvaluated(Id, FailureCodes.BadBatch, "a masked element is not a valid encoding of the group, or is the identity"),
        new ComputeReady(Id, 2, 17, [1, 2, 3], Id),
        new ComputeRun(Id, Id, 1_790_000_000_000, [1, 2, 3], [4, 5, 6]),
    ];

    public static TheoryData<string> Names => [.. ContractCatalog.Names.Order(StringComparer.Ordinal)];

    private static string Pretty(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        return JsonSerializer.Serialize(document.RootElement,
            new JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Message_Serialised_EqualsItsGoldenSample(string name)
    {
        var sample = Assert.Single(Samples, candidate => ContractCatalog.NameOf(candidate.GetType()) == name);
        var text = Pretty(ContractCatalog.Serialize(sample));
        if (Environment.GetEnvironmentVariable("PSI_WRITE_GOLDEN") is { } folder)
        {
            File.WriteAllText(Path.Combine(folder, name + ".json"), text);
        }

        Assert.Equal(File.ReadAllText(Path.Combine(Folder, name + ".json")), text);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void GoldenSample_Read_WritesItselfAgain(string name)
    {
        var golden = File.ReadAllBytes(Path.Combine(Folder, name + ".json"));
        var message = ContractCatalog.Deserialize(ContractCatalog.Find(name)!, golden);
        Assert.Equal(Pretty(golden), Pretty(ContractCatalog.Serialize(message)));
    }

    [Fact]
    public void Deserialize_UnknownOrMissingMember_IsRefused()
    {
        Assert.Throws<JsonException>(() => ContractCatalog.Deserialize(typeof(CancelSession), "{\"sessionId\":\"x\",\"more\":1}"u8));
        Assert.Throws<JsonException>(() => ContractCatalog.Deserialize(typeof(StartSession), "{\"peer\":\"P2\"}"u8));
        Assert.Throws<JsonException>(() => ContractCatalog.Deserialize(typeof(CancelSession), "null"u8));
        Assert.Throws<JsonException>(() => ContractCatalog.Deserialize(typeof(CancelSession), "{}"u8));
        Assert.Throws<JsonException>(() => ContractCatalog.Deserialize(typeof(CancelSession), "{\"sessionId\":null}"u8));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Message_HasItsPageAndItsPlaceInTheAsyncApi(string name)
    {
        var contracts = ContractsFolder.Path;
        var type = ContractCatalog.Find(name)!.Name;
        var page = Path.Combine(contracts, "messages", type + ".md");
        Assert.True(File.Exists(page), $"{page} is missing");
        var text = File.ReadAllText(page);
        foreach (var heading in new[] { "Sent by", "Holds", "Size", "Checked by the receiver" })
        {
            Assert.Contains(heading, text, StringComparison.Ordinal);
        }

        Assert.Contains($"{type}:", File.ReadAllText(Path.Combine(contracts, "asyncapi.yaml")), StringComparison.Ordinal);
        Assert.All(ContractCatalog.Find(name)!.GetProperties().Where(property => property.CanWrite), property =>
            Assert.Contains($"`{JsonNamingPolicy.CamelCase.ConvertName(property.Name)}`", text, StringComparison.Ordinal));
    }
}
