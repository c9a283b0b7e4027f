using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Agreement;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Tests.Units;

/// <summary>What terms a session may have, each rule by itself.</summary>
public class TermsRulesTests
{
    private static readonly string Id = new('a', 32);

    private static ProposeSession Proposal => new()
    {
        SessionId = Id, Initiator = "P1", Responder = "P2", Linker = "LINKER", Protocol = "ecdh",
        Engine = "masked", Reveal = "both", Profile = new CanonicalizationProfile(2, "keep", 1, "normal"),
        Duplicates = "reject", MinCell = 10, KeyNames = ["ID"], SetSize = 5, Nonce = new byte[32], SharedKeyCheck = new byte[16], DeadlineSeconds = 60,
    };

    private static StartSession Start =>
        new() { Peer = "P2", Dataset = "d", Protocol = "ecdh", Engine = "masked", Reveal = "both", RsaBits = 3072, DeadlineSeconds = 60 };

    public static TheoryData<string, Func<ProposeSession, ProposeSession>, string, string> SpoiltProposals => new()
    {
        { "a choice of one", proposal => proposal with { Protocol = "auto", Protocols = ["ecdh"] },
            FailureCodes.Malformed, "leaves the choice of protocol in a way that cannot be" },
        { "a choice of four", proposal => proposal with { Protocol = "auto", Protocols = ["ecdh", "vole", "rsa", "x"] },
            FailureCodes.Malformed, "leaves the choice" },
        { "a choice twice", proposal => proposal with { Protocol = "auto", Protocols = ["ecdh", "ecdh"] }, FailureCodes.Malformed, "leaves the choice" },
        { "a choice without the one that is always allowed",
            proposal => proposal with { Protocol = "auto", Protocols = ["vole", "rsa"] }, FailureCodes.Malformed, "leaves the choice" },
        { "a choice that is none", proposal => proposal with { Protocols = ["ecdh", "vole"] }, FailureCodes.Malformed, "leaves the choice" },
        { "an unknown protocol", proposal => proposal with { Protocol = "dh" }, FailureCodes.Unsupported, "a protocol or engine that is not available here" },
        { "an unknown engine", proposal => proposal with { Engine = "fhe" }, FailureCodes.Unsupported, "a protocol or engine that is not available here" },
        { "reuse without rsa", proposal => proposal with { Reuse = true, Reveal = "initiator" }, FailureCodes.Unsupported, "only rsa has reusable sets" },
        { "nobody learns it", proposal => proposal with { Reveal = "nobody" }, FailureCodes.Unsupported, "proposes what cannot be: a session reveals both" },
        { "vole for the size", proposal => proposal with { Protocol = "vole", Reveal = "size" }, FailureCodes.Unsupported, "cannot reveal the size alone" },
        { "ecdh malicious", proposal => proposal with { Security = "malicious" }, FailureCodes.Unsupported, "only the protocol vole has a variant" },
        { "bits without rsa", proposal => proposal with { RsaBits = 3072 }, FailureCodes.WeakKey, "3072 bits for the protocol ecdh" },
        { "rsa without bits", proposal => proposal with { Protocol = "rsa" }, FailureCodes.WeakKey, "none bits for the protocol rsa" },
        { "rsa with few bits", proposal => proposal with { Protocol = "rsa", RsaBits = 1024 }, FailureCodes.WeakKey, "1024 bits" },
        { "rsa without a key", proposal => proposal with { Protocol = "rsa", RsaBits = 2048 }, FailureCodes.Malformed, "shows no RSA key, though it signs" },
        { "a key without rsa", proposal => proposal with { Rsa = new RsaSender([1], [1, 0, 1], [1]) },
            FailureCodes.Malformed, "shows an RSA key, though it does not sign" },
        { "a bad key", proposal => proposal with { Protocol = "rsa", RsaBits = 2048, Rsa = new RsaSender(new byte[256], [1, 0, 1], []) },
            FailureCodes.WeakKey, "P1's key is refused" },
        { "an empty set", proposal => proposal with { SetSize = 0 }, FailureCodes.Malformed, "a field out of its range" },
        { "a short nonce", proposal => proposal with { Nonce = new byte[31] }, FailureCodes.Malformed, "a field out of its range" },
        { "a long check", proposal => proposal with { SharedKeyCheck = new byte[17] }, FailureCodes.Malformed, "a field out of its range" },
        { "no minimum", proposal => proposal with { MinCell = 0 }, FailureCodes.Malformed, "a field out of its range" },
        { "a huge minimum", proposal => proposal with { MinCell = 1_000_001 }, FailureCodes.Malformed, "a field out of its range" },
        { "more names than parts", proposal => proposal with { KeyNames = ["A", "B"] }, FailureCodes.Malformed, "a field out of its range" },
        { "a name of nothing", proposal => proposal with { KeyNames = [""] }, FailureCodes.Malformed, "a field out of its range" },
        { "a form that is none", proposal => proposal with { KeyForms = [new KeyForm("runes")] }, FailureCodes.Malformed, "a field out of its range" },
        { "no time", proposal => proposal with { DeadlineSeconds = 0 }, FailureCodes.Malformed, "a field out of its range" },
        { "31 days", proposal => proposal with { DeadlineSeconds = 31 * 24 * 3600 }, FailureCodes.Malformed, "a field out of its range" },
    };

    [Theory]
    [MemberData(nameof(SpoiltProposals))]
    public void Proposal_Spoilt_IsRefusedByItsRule(string what, Func<ProposeSession, ProposeSession> spoil, string code, string reason)
    {
        Assert.Null(TermsRules.OfProposal(Proposal));
        var fault = TermsRules.OfProposal(spoil(Proposal));
        Assert.True(fault is not null, what);
        Assert.Equal(code, fault.Code);
        Assert.Contains(reason, fault.Reason, StringComparison.Ordinal);
    }

    public static TheoryData<string, Func<StartSession, StartSession>, bool, string, string> SpoiltCommands => new()
    {
        { "an unknown protocol", start => start with { Protocol = "dh" }, true, FailureCodes.Unsupported, "protocol dh with engine masked is not available" },
        { "an unknown engine", start => start with { Engine = "fhe" }, true, FailureCodes.Unsupported, "the engines masked and tokens" },
        { "vole without consent", start => start with { Protocol = "vole" }, false, FailureCodes.Unsupported, "P1 does not allow the protocol vole" },
        { "reuse to both", start => start with { Protocol = "rsa", Reuse = true }, true,
            FailureCodes.Unsupported, "a reusable set serves a session in which one party learns the result" },
        { "few bits", start => start with { Protocol = "rsa", RsaBits = 1024 }, true, FailureCodes.WeakKey, "an RSA modulus of 1024 bits is not allowed" },
        { "no time", start => start with { DeadlineSeconds = 0 }, true, FailureCodes.Malformed, "the deadline 1 second to 30 days" },
        { "no minimum", start => start with { MinCell = 0 }, true, FailureCodes.Malformed, "the minimum cell size must be 1 to 1,000,000" },
    };

    [Theory]
    [MemberData(nameof(SpoiltCommands))]
    public void Command_Spoilt_IsRefusedByItsRule(string what, Func<StartSession, StartSession> spoil, bool consents, string code, string reason)
    {
        Assert.Null(TermsRules.OfStart(Start, "P1", consents));
        var fault = TermsRules.OfStart(spoil(Start), "P1", consents);
        Assert.True(fault is not null, what);
        Assert.Equal(code, fault.Code);
        Assert.Contains(reason, fault.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Command_OfConsent_IsAllowed() => Assert.Null(TermsRules.OfStart(Start with { Protocol = "vole" }, "P1", consents: true));

    public static TheoryData<string, Func<AcceptSession, AcceptSession>> SpoiltAcceptances => new()
    {
        { "another session", acceptance => acceptance with { SessionId = new string('b', 32) } },
        { "another proposal", acceptance => acceptance with { ProposalHash = new byte[32] } },
        { "a short nonce", acceptance => acceptance with { Nonce = new byte[16] } },
        { "an empty set", acceptance => acceptance with { SetSize = 0 } },
        { "a lower minimum", acceptance => acceptance with { MinCell = 9 } },
        { "a huge minimum", acceptance => acceptance with { MinCell = 1_000_001 } },
        { "forms of more columns", acceptance => acceptance with { KeyForms = [new KeyForm(), new KeyForm()] } },
        { "a key that nobody asked for", acceptance => acceptance with { Rsa = new RsaSender([1], [1, 0, 1], [1]) } },
    };

    [Theory]
    [MemberData(nameof(SpoiltAcceptances))]
    public void Acceptance_Spoilt_IsRefused(string what, Func<AcceptSession, AcceptSession> spoil)
    {
        var hash = new byte[32];
        hash[5] = 7;
        var session = new PartySession(SessionState.Proposed)
        {
            Id = Id, IsInitiator = true, Peer = "P2", Linker = "LINKER", Protocol = "ecdh", Engine = QueryEngine.Masked, Reveal = RevealTo.Both, MinCell = 10,
            CreatedAt = DateTimeOffset.UnixEpoch, DeadlineAt = DateTimeOffset.UnixEpoch, KeyNames = ["ID"], ProposalHash = hash,
        };
        var acceptance = new AcceptSession { SessionId = Id, ProposalHash = hash, SetSize = 3, Nonce = new byte[32], MinCell = 10 };
        Assert.Null(TermsRules.OfAcceptance(session, acceptance));
        Assert.True(TermsRules.OfAcceptance(session, spoil(acceptance)) is { Code: FailureCodes.Malformed }, what);
    }

    public static TheoryData<string, Func<ProposeSession, ProposeSession>> LongProposals => new()
    {
        { "a long dataset", proposal => proposal with { PeerDataset = new string('x', 101) } },
        { "a long duplicate rule", proposal => proposal with { Duplicates = new string('x', 101) } },
        { "a long case", proposal => proposal with { Profile = proposal.Profile with { Case = new string('x', 101) } } },
        { "a long protocol among others", proposal => proposal with { Protocols = ["ecdh", new string('x', 101)] } },
        { "many protocols", proposal => proposal with { Protocols = [.. Enumerable.Repeat("ecdh", 9)] } },
        { "many keys", proposal => proposal with { KeyNames = [.. Enumerable.Repeat("ID", 17)] } },
        { "a long key", proposal => proposal with { KeyNames = [new string('x', 201)] } },
        { "many forms", proposal => proposal with { KeyForms = [.. Enumerable.Repeat(new KeyForm(), 17)] } },
        { "a long nonce", proposal => proposal with { Nonce = new byte[65] } },
        { "a long check", proposal => proposal with { SharedKeyCheck = new byte[65] } },
    };

    [Theory]
    [MemberData(nameof(LongProposals))]
    public void Proposal_TooLongToBeStored_HasNoForm(string what, Func<ProposeSession, ProposeSession> spoil)
    {
        Assert.True(TermsRules.HasForm(Proposal));
        Assert.False(TermsRules.HasForm(spoil(Proposal)), what);
    }
}
