using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Party.Agreement;
using PsiMessaging.Protocols.BlindRsa;
using PsiMessaging.Protocols.Choice;
using PsiMessaging.Protocols.Ecdh;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Protocols.Tests;

/// <summary>Descriptors: every combination of terms against the texts people read, and what the driver takes from them.</summary>
public class PsiProtocolTests
{
    private const string NoSize = "cannot reveal the size alone, because its receiver sees which of its identifiers match; take --protocol ecdh";
    private const string ReuseToBoth = "a reusable set serves a session in which one party learns the result: add --reveal p1 or --reveal p2";

    private static readonly string[] Names = ["ecdh", "rsa", "vole", "auto"];
    private static readonly string[] Reveals = ["both", "initiator", "responder", "size", "nobody", ""];
    private static readonly string?[] Securities = [null, "malicious", "semi-honest"];

    public static TheoryData<string, string, bool, string?> Terms
    {
        get
        {
            var data = new TheoryData<string, string, bool, string?>();
            foreach (var (name, reveal) in Names.SelectMany(name => Reveals.Select(reveal => (name, reveal))))
            {
                foreach (var security in Securities)
                {
                    data.Add(name, reveal, false, security);
                    data.Add(name, reveal, true, security);
                }
            }

            return data;
        }
    }

    /// <summary>The rules as people were told them, in their order: reveal, size, reuse, then security.</summary>
    private static string? Expected(string name, string reveal, bool reuse, string? security)
    {
        var terms = reveal is not ("both" or "initiator" or "responder" or "size") ? $"a session reveals both, initiator, responder or size, not {reveal}"
            : name is "rsa" or "vole" && reveal == "size" ? $"the protocol {name} {NoSize}"
            : reuse && name is "ecdh" or "vole" ? $"only the protocol rsa has reusable sets, not {name}"
            : reuse && reveal == "both" ? ReuseToBoth
            : null;
        return terms ?? (security is not (null or "malicious") ? $"security is semi-honest or malicious, not {security}"
            : security is not null && name != "vole" ? $"only the protocol vole has a variant against malicious parties, not {name}; take --protocol vole"
            : null);
    }

    [Theory]
    [MemberData(nameof(Terms))]
    public void FaultOf_Terms_SaysWhatItAlwaysSaid(string name, string reveal, bool reuse, string? security)
    {
        var expected = Expected(name, reveal, reuse, security);
        var protocol = PsiProtocols.Find(name);
        Assert.Equal(name == "auto", protocol is null);
        Assert.Equal(expected, PsiProtocols.FaultOf(protocol, reveal, reuse, security));
        if (WireNames.TryParse(reveal, out RevealTo learns) && WireNames.TryParse(security, out SecurityModel model))
        {
            Assert.Equal(expected, PsiProtocols.FaultOf(protocol, learns, reuse, model));
        }
    }

    [Theory]
    [InlineData(1 << 24, 1 << 25, RevealTo.Both, null)]
    [InlineData(1 << 25, 1 << 24, RevealTo.Both, null)]
    [InlineData(1 << 24, 1 << 25, RevealTo.Initiator, null)]
    [InlineData(1 << 25, 1 << 24, RevealTo.Responder, null)]
    [InlineData((1 << 24) + 1, (1 << 24) + 1, RevealTo.Both, null)]
    [InlineData(200_000_000, 200_000_000, RevealTo.Both, null)]
    [InlineData(200_000_001, 200_000_000, RevealTo.Initiator, "200,000,001 of its receiver and 200,000,000 of its sender")]
    [InlineData(200_000_001, 200_000_000, RevealTo.Responder, "200,000,000 of its receiver and 200,000,001 of its sender")]
    [InlineData(1, int.MaxValue, RevealTo.Both, "1 of its receiver and 2,147,483,647 of its sender")]
    public void FaultOf_Sizes_IsVolesAlone(int initiator, int responder, RevealTo reveal, string? sizes)
    {
        var expected = sizes is null ? null
            : $"the protocol vole takes 200,000,000 identifiers of each party at most, not {sizes}; take --protocol ecdh";
        Assert.Equal(expected, VoleProtocol.Instance.FaultOf(new SetSizes(initiator, responder), reveal));
        Assert.Null(EcdhProtocol.Instance.FaultOf(new SetSizes(initiator, responder), reveal));
        Assert.Null(BlindRsaProtocol.Instance.FaultOf(new SetSizes(initiator, responder), reveal));
    }

    [Fact]
    public void List_IsClosedAndNamed()
    {
        Assert.Equal(["ecdh", "rsa", "vole"], PsiProtocols.Names);
        Assert.All(PsiProtocols.All, protocol => Assert.Same(protocol, PsiProtocols.Find(protocol.Name)));
        Assert.All((string?[])["auto", "ECDH", "", null, "rsa "], name => Assert.Null(PsiProtocols.Find(name)));
        Assert.True(PsiProtocols.MayBeAsked("auto") && PsiProtocols.MayBeAsked("vole"));
        Assert.False(PsiProtocols.MayBeAsked("magic") || PsiProtocols.MayBeAsked(null));
        Assert.Equal((253, 1 << 20), (PsiProtocols.HighestRound, PsiProtocols.MaximumBatchBytes));
        Assert.Equal(Enumerable.Range(1, 253).Where(round => round % 11 is 10 or 0), VoleProtocol.Instance.ReleasingRounds);
        Assert.Equal([VoleProtocol.Instance],
            PsiProtocols.All.Where(protocol => protocol is { NeedsConsent: true, HasMaliciousVariant: true, CanRestart: true }));
        Assert.Equal([BlindRsaProtocol.Instance],
            PsiProtocols.All.Where(protocol => protocol is { HasReusableSets: true, HasRsaKeys: true, IsCandidate: false }));
    }

    [Fact]
    public void Evaluations_CoverEveryKindOnce() => Assert.Equal(
        Enum.GetValues<EvaluationKind>().Order(), PsiProtocols.All.OfType<BatchProtocol>().SelectMany(protocol => protocol.Evaluations.Keys).Order());

    [Theory]
    [InlineData(RevealTo.Both, true, Reveal.Both)]
    [InlineData(RevealTo.Both, false, Reveal.Both)]
    [InlineData(RevealTo.Initiator, true, Reveal.Own)]
    [InlineData(RevealTo.Initiator, false, Reveal.Peer)]
    [InlineData(RevealTo.Responder, true, Reveal.Peer)]
    [InlineData(RevealTo.Responder, false, Reveal.Own)]
    [InlineData(RevealTo.Size, true, Reveal.Size)]
    [InlineData(RevealTo.Size, false, Reveal.Size)]
    public void Reveal_SeenFromASide(RevealTo reveal, bool initiator, Reveal seen)
    {
        Assert.Equal(seen, reveal.SeenFrom(initiator));

        // A side signs because the other one learns the result.
        Assert.Equal(seen is Reveal.Both or Reveal.Peer, BlindRsaProtocol.Instance.Signs(reveal, initiator));
        Assert.False(EcdhProtocol.Instance.Signs(reveal, initiator) || VoleProtocol.Instance.Signs(reveal, initiator));

        // Only a party whose tags were made before reads nothing.
        Assert.True(EcdhProtocol.Instance.ReadsItems(seen, hasOwnReusableSet: false) && BlindRsaProtocol.Instance.ReadsItems(seen, hasOwnReusableSet: false));
        Assert.Equal(seen != Reveal.Peer, BlindRsaProtocol.Instance.ReadsItems(seen, hasOwnReusableSet: true));
        Assert.False(VoleProtocol.Instance.ReadsItems(seen, hasOwnReusableSet: false));
    }

    [Theory]
    [InlineData(null, true, false)]
    [InlineData(1024, false, false)]
    [InlineData(2047, false, false)]
    [InlineData(2048, false, true)]
    [InlineData(8192, false, true)]
    public void RsaBits_AreRsasAlone(int? bits, bool without, bool rsa)
    {
        Assert.Equal(rsa, BlindRsaProtocol.Instance.TakesRsaBits(bits));
        Assert.Equal(without, EcdhProtocol.Instance.TakesRsaBits(bits));
        Assert.Equal(without, VoleProtocol.Instance.TakesRsaBits(bits));
    }

    [Theory]
    [InlineData(RevealTo.Both, true, "ecdh vole")]
    [InlineData(RevealTo.Both, false, "ecdh")]
    [InlineData(RevealTo.Initiator, true, "ecdh vole")]
    [InlineData(RevealTo.Size, true, "ecdh")]
    public void Candidates_AreWhatIsAllowedAndCan(RevealTo reveal, bool consents, string names) =>
        Assert.Equal(names, string.Join(' ', PsiProtocols.Candidates(reveal, consents)));

    [Theory]
    [InlineData(false, 1000, 2000, RevealTo.Both, "ecdh", "both parties allow no other")]
    [InlineData(true, 1 << 28, 1 << 28, RevealTo.Both, "ecdh", "the sets are larger than vole takes")]
    [InlineData(true, 100, 50, RevealTo.Both, "ecdh", "about 0.2 s with vole against 0.0 s with ecdh for 50 and 100 identifiers")]
    [InlineData(true, 2_000_000, 1_000_000, RevealTo.Both, "vole", "about 1.1 s with vole against 113 s with ecdh for 1,000,000 and 2,000,000 identifiers")]
    [InlineData(true, 2_000_000, 1_000_000, RevealTo.Initiator, "vole",
        "about 1.3 s with vole against 113 s with ecdh for 2,000,000 and 1,000,000 identifiers")]
    public void Choice_IsTheQuickestAndSaysWhy(bool allowsVole, int initiator, int responder, RevealTo reveal, string name, string because)
    {
        PsiProtocol[] allowed = allowsVole ? [.. PsiProtocols.All] : [EcdhProtocol.Instance, BlindRsaProtocol.Instance];
        var costs = new ProtocolCosts { EcdhMultiplications = 15_600, EcdhHashes = 60_800 };
        var choice = ProtocolChoice.Choose(allowed, new SetSizes(initiator, responder), reveal, costs, 2);
        Assert.Equal((name, because), (choice.Protocol.Name, choice.Because));
    }

    [Fact]
    public void Operations_AreTheSumOverBothParties()
    {
        var sizes = new SetSizes(1000, 3000);
        Assert.Equal([4000, 4000], EcdhProtocol.Instance.OperationsOf(sizes, RevealTo.Size, reuse: false).Values);
        Assert.Equal([8000], BlindRsaProtocol.Instance.OperationsOf(sizes, RevealTo.Both, reuse: false).Values);
        Assert.Equal([1000], BlindRsaProtocol.Instance.OperationsOf(sizes, RevealTo.Initiator, reuse: true).Values);
        Assert.Equal([(9 * 1000) + (5 * 3000) + (2 * ((2 * 2200) + 4000))], VoleProtocol.Instance.OperationsOf(sizes, RevealTo.Both, reuse: false).Values);
        foreach (var protocol in PsiProtocols.All)
        {
            using var samples = protocol.Samples(2048);
            Assert.Equal(protocol.OperationsOf(sizes, RevealTo.Both, reuse: false).Keys.Order(StringComparer.Ordinal),
                samples.All.Select(sample => sample.Name).Order(StringComparer.Ordinal));
            Assert.All(samples.All.Concat(samples.References), sample => sample.Run());
        }
    }

    [Theory]
    [InlineData(RevealTo.Both, SecurityModel.SemiHonest)]
    [InlineData(RevealTo.Initiator, SecurityModel.Malicious)]
    [InlineData(RevealTo.Responder, SecurityModel.SemiHonest)]
    public void Vole_Opens_SidesThatFitEachOther(RevealTo reveal, SecurityModel security)
    {
        using var seed = SecretBytes.Random(32);
        using var cores = new Cores(1);
        var setup = new PartySetup
        {
            OwnName = "P1", PeerName = "P2", IsInitiator = true, OwnSize = 20, PeerSize = 30, Transcript = new byte[32],
            Seed = seed, RevealTo = reveal, Security = security,
            ReadItems = (_, _) => { }, Cores = cores,
        };
        using var initiator = VoleProtocol.Instance.Open(setup);
        using var responder = VoleProtocol.Instance.Open(setup with { OwnName = "P2", PeerName = "P1", IsInitiator = false, OwnSize = 30, PeerSize = 20 });
        Assert.Equal(
            initiator.Rounds.Where(round => round.Direction == RoundDirection.Outgoing).Select(Shape),
            responder.Rounds.Where(round => round.Direction == RoundDirection.Incoming).Select(Shape));
        Assert.Contains(initiator.Rounds, round => round.Direction == RoundDirection.Outgoing);
        Assert.Equal(reveal == RevealTo.Both, initiator.Rounds.Any(round => round.Number == VoleSettings.MatchesRound));
        Assert.Equal(security == SecurityModel.Malicious, initiator.Rounds.Any(round => round.Number == 8));

        // The receiver, who learns the result, is told so by who sends the outputs.
        var receives = reveal != RevealTo.Responder;
        Assert.Equal(receives, initiator.Rounds.Single(round => round.Number == VoleSettings.OutputsRound).Direction == RoundDirection.Incoming);
        var settings = new VoleSettings(new byte[32], receives ? 20 : 30, receives ? 30 : 20, security == SecurityModel.Malicious, reveal == RevealTo.Both);
        Assert.Equal(settings.EstimatedMemoryBytes(receives), VoleProtocol.Instance.EstimatedMemoryBytes(setup.Sizes, reveal, security, initiator: true));
        Assert.Throws<ArgumentException>(() => VoleProtocol.Instance.Open(setup with { ReadItems = null }));

        static (int, string, int, int, int) Shape(Round round) => (round.Number, round.Name, round.Elements, round.ElementSizeBytes, round.BatchElements);
    }

    [Fact]
    public void Ecdh_Opens_TheSideOfTheSetup()
    {
        using var seed = SecretBytes.Random(32);
        var setup = new PartySetup
        {
            OwnName = "P1", PeerName = "P2", IsInitiator = true, OwnSize = 20, PeerSize = 30, Transcript = new byte[32], Seed = seed,
            RevealTo = RevealTo.Initiator,
        };
        using var opened = EcdhProtocol.Instance.Open(setup);
        using var made = new EcdhParty(20, 30, new byte[32], seed, Reveal.Own);
        Assert.Equal(made.Rounds, opened.Rounds, (one, other) => one.ToString() == other.ToString());
        Assert.Equal(made.TagSizeBytes, opened.TagSizeBytes);
    }
}
