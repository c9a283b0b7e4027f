namespace PsiMessaging.Cryptography;

/// <summary>
/// Every domain-separation string of the product, in one place. A tag is never reused for a second purpose; a change of meaning is a new version.
/// </summary>
public static class DomainTags
{
    /// <summary>Prefix of the message a blind signature is made over, before the transcript, the signer's name and the canonical identifier.</summary>
    public static ReadOnlySpan<byte> RsaItem => "psi/v1/rsa/item"u8;
    /// <summary>The same for a reusable set, before the set's id instead of the session's.</summary>
    public static ReadOnlySpan<byte> RsaReusableItem => "psi/v1/rsa/reusable-item"u8;
    /// <summary>Hash of a blind signature into a comparison tag.</summary>
    public static ReadOnlySpan<byte> RsaTag => "psi/v1/rsa/tag"u8;
    /// <summary>Proof that an RSA exponent permutes.</summary>
    public static ReadOnlySpan<byte> RsaKeyProof => "psi/v1/rsa/key-proof"u8;
    /// <summary>Seed of the blinds of a session; the transcript follows.</summary>
    public static ReadOnlySpan<byte> RsaBlindSeed => "psi/v1/rsa/blind-seed"u8;
    /// <summary>Nonce of a hand-shake.</summary>
    public static ReadOnlySpan<byte> Nonce => "psi/v1/nonce"u8;
    /// <summary>Stream that gives the blinds of a session.</summary>
    public static ReadOnlySpan<byte> RsaBlinds => "psi/v1/rsa/blinds"u8;
    /// <summary>Hash of an identifier to the group; the transcript follows.</summary>
    public static ReadOnlySpan<byte> EcdhItem => "psi/v1/ecdh/item/ristretto255_XMD:SHA-512_R255MAP_RO_"u8;
    /// <summary>A party's secret exponent; the transcript follows.</summary>
    public static ReadOnlySpan<byte> EcdhScalar => "psi/v1/ecdh/scalar"u8;
    /// <summary>Hash of a doubly masked element into a comparison tag.</summary>
    public static ReadOnlySpan<byte> EcdhTag => "psi/v1/ecdh/tag"u8;
    /// <summary>Personalisation of the hash of an identifier in the protocol <c>vole</c>, 16 bytes; the salt comes from the transcript.</summary>
    public static ReadOnlySpan<byte> VoleItem => "psi/v1/vole/item"u8;
    /// <summary>Keys of the protocol <c>vole</c> that both parties know: the key's name and what it is bound to follow.</summary>
    public static ReadOnlySpan<byte> VoleKey => "psi/v1/vole/key"u8;
    /// <summary>Everything a party of the protocol <c>vole</c> draws, from its session seed: the purpose and the transcript follow.</summary>
    public static ReadOnlySpan<byte> VoleSeed => "psi/v1/vole/seed"u8;
    /// <summary>Hash to the group inside the base oblivious transfers: transcript, index, branch and element follow.</summary>
    public static ReadOnlySpan<byte> VoleBaseHash => "psi/v1/vole/base-hash"u8;
    /// <summary>Hash of a base oblivious transfer's element into its key: session hash, index and branch follow.</summary>
    public static ReadOnlySpan<byte> VoleBaseKey => "psi/v1/vole/base-key"u8;
    /// <summary>Hash of the hand-shake and the base transfers' messages.</summary>
    public static ReadOnlySpan<byte> VoleSession => "psi/v1/vole/session"u8;
    /// <summary>Challenge of the check of the transfer extension: session hash and message hash follow.</summary>
    public static ReadOnlySpan<byte> VoleExtensionCheck => "psi/v1/vole/extension-check"u8;
    /// <summary>Answer of the malicious variant's check of the trees.</summary>
    public static ReadOnlySpan<byte> VoleTreeCheck => "psi/v1/vole/tree-check"u8;
    /// <summary>Commitment to the sender's share of the output key, malicious variant.</summary>
    public static ReadOnlySpan<byte> VoleCommitment => "psi/v1/vole/commitment"u8;
    /// <summary>Proof that the receiver knows the outputs of what it claims to have in common.</summary>
    public static ReadOnlySpan<byte> VoleClaim => "psi/v1/vole/claim"u8;
    /// <summary>Transcript of one shard of the protocol <c>vole</c>; the session's transcript, shard and number of shards follow.</summary>
    public static ReadOnlySpan<byte> VoleShard => "psi/v1/vole/shard"u8;
    /// <summary>What a party fills a shard of the protocol <c>vole</c> up with, from its session seed; the shard's transcript is the salt.</summary>
    public static ReadOnlySpan<byte> VoleDummies => "psi/v1/vole/dummies"u8;
    /// <summary>Key by which a set is shuffled before it is sent.</summary>
    public static ReadOnlySpan<byte> Shuffle => "psi/v1/shuffle"u8;
    /// <summary>Key the parties share, from X25519 between their pinned identities.</summary>
    public static ReadOnlySpan<byte> PairwiseKey => "psi/v1/pairwise-key"u8;
    /// <summary>Key the parties share, from a key file both hold.</summary>
    public static ReadOnlySpan<byte> SharedKeyFile => "psi/v1/shared-key-file"u8;
    /// <summary>Check value by which two parties see that they hold the same shared key.</summary>
    public static ReadOnlySpan<byte> SharedKeyCheck => "psi/v1/shared-key-check"u8;
    /// <summary>What a party says of its set to one partner; the dataset's hash is the salt.</summary>
    public static ReadOnlySpan<byte> SetCommitment => "psi/v2/set-commitment"u8;
    /// <summary>Key of the hash by which two parties compare their intersections.</summary>
    public static ReadOnlySpan<byte> IntersectionHash => "psi/v1/intersection-hash"u8;
    /// <summary>Key of row tokens at the linker.</summary>
    public static ReadOnlySpan<byte> RowToken => "psi/v1/tokens/row"u8;
    /// <summary>Key of the order in which both parties put their common rows, engine <c>masked</c>.</summary>
    public static ReadOnlySpan<byte> RowOrder => "psi/v1/masked/order"u8;
    /// <summary>Key of column-name tokens at the linker.</summary>
    public static ReadOnlySpan<byte> ColumnToken => "psi/v1/tokens/column"u8;
    /// <summary>Key of one column's values at the linker; the owner's name and the column's follow.</summary>
    public static ReadOnlySpan<byte> ColumnValues => "psi/v1/tokens/values"u8;
    /// <summary>Masks of one query of engine <c>masked</c>; the query's context hash and the mask's name follow.</summary>
    public static ReadOnlySpan<byte> MaskedMask => "psi/v1/masked/mask"u8;
    /// <summary>Hash of all that a query's masks depend on: session, counter, text, shapes.</summary>
    public static ReadOnlySpan<byte> MaskedContext => "psi/v1/masked/context"u8;
    /// <summary>A party's own masks over sums nobody asked for, from a secret of its home.</summary>
    public static ReadOnlySpan<byte> MaskedWithheld => "psi/v1/masked/withheld"u8;
    /// <summary>What base transfers between linker and contributing party are bound to; transcript and party follow.</summary>
    public static ReadOnlySpan<byte> ReleaseSession => "psi/v1/release/session"u8;
    /// <summary>The contributing party's Δ.</summary>
    public static ReadOnlySpan<byte> ReleaseDelta => "psi/v1/release/delta"u8;
    /// <summary>Seed of the contributing party's message of the base transfers.</summary>
    public static ReadOnlySpan<byte> ReleaseChoice => "psi/v1/release/choice"u8;
    /// <summary>The linker's scalar of the base transfers.</summary>
    public static ReadOnlySpan<byte> ReleaseOffer => "psi/v1/release/offer"u8;
    /// <summary>Key of one question from a key of the base transfers; session, question and key follow.</summary>
    public static ReadOnlySpan<byte> ReleaseQuestion => "psi/v1/release/question"u8;
    /// <summary>The linker's random bits behind its own; the question follows.</summary>
    public static ReadOnlySpan<byte> ReleaseFiller => "psi/v1/release/filler"u8;
    /// <summary>Challenge of the check of a release's transfer; session, question and message hash follow.</summary>
    public static ReadOnlySpan<byte> ReleaseCheck => "psi/v1/release/check"u8;
    /// <summary>Key, public to both, of the fixed-key cipher of a question's circuit.</summary>
    public static ReadOnlySpan<byte> ReleaseCipher => "psi/v1/release/cipher"u8;
    /// <summary>Key, public to both, of the labels of the contributing party's bits.</summary>
    public static ReadOnlySpan<byte> ReleaseLabels => "psi/v1/release/labels"u8;
    /// <summary>Hash of a decision's label into its tag and the words that open what is sealed under it.</summary>
    public static ReadOnlySpan<byte> ReleaseOpening => "psi/v1/release/opening"u8;
    /// <summary>Seed of the words by which the asking party is bound, from a secret of the contributing party's home.</summary>
    public static ReadOnlySpan<byte> BindingSeed => "psi/v1/binding/seed"u8;
    /// <summary>Column that hides what a combination of masks would say of the others.</summary>
    public static ReadOnlySpan<byte> BindingHiding => "psi/v1/binding/hiding"u8;
    /// <summary>Transcript of one of the two runs of the pseudorandom function of a hidden intersection; the session's transcript and the run follow.</summary>
    public static ReadOnlySpan<byte> HiddenRun => "psi/v1/hidden/run"u8;
    /// <summary>Keys of token and masks of a hidden intersection, which both parties know; transcript, value and purpose follow.</summary>
    public static ReadOnlySpan<byte> HiddenIdentity => "psi/v1/hidden/identity"u8;
    /// <summary>What the base transfers between linker and a party are bound to; transcript and side follow.</summary>
    public static ReadOnlySpan<byte> HiddenTransfer => "psi/v1/hidden/transfer"u8;
    /// <summary>Challenge of the check of the key transfer; session and message hash follow.</summary>
    public static ReadOnlySpan<byte> HiddenTransferCheck => "psi/v1/hidden/transfer-check"u8;
    /// <summary>Key, public to both, of the hash that covers mask keys.</summary>
    public static ReadOnlySpan<byte> HiddenTransferHash => "psi/v1/hidden/transfer-hash"u8;
    /// <summary>Seed of the party's message of the key transfer's base transfers.</summary>
    public static ReadOnlySpan<byte> HiddenTransferSeed => "psi/v1/hidden/transfer-seed"u8;
    /// <summary>The party's Δ in the key transfer.</summary>
    public static ReadOnlySpan<byte> HiddenTransferDelta => "psi/v1/hidden/transfer-delta"u8;
    /// <summary>The linker's secret and scalar of the key transfer.</summary>
    public static ReadOnlySpan<byte> HiddenTransferOffer => "psi/v1/hidden/transfer-offer"u8;
    /// <summary>The linker's random bits behind its own in the key transfer.</summary>
    public static ReadOnlySpan<byte> HiddenTransferFiller => "psi/v1/hidden/transfer-filler"u8;
    /// <summary>A party's secret for the key transfer, from its session seed.</summary>
    public static ReadOnlySpan<byte> HiddenPartySecret => "psi/v1/hidden/party-secret"u8;
    /// <summary>How many dummies are common, and which, from the key the parties share.</summary>
    public static ReadOnlySpan<byte> HiddenDummyCount => "psi/v1/hidden/dummy-count"u8;
    /// <summary>Blocks that stand for dummies.</summary>
    public static ReadOnlySpan<byte> HiddenDummies => "psi/v1/hidden/dummies"u8;
    /// <summary>Key of a question's masks by identity, from the key the parties share; the question's context hash follows.</summary>
    public static ReadOnlySpan<byte> HiddenQuestion => "psi/v1/hidden/question"u8;
    /// <summary>Seeds of a question's triple, from the asking party's secret, and the words under them.</summary>
    public static ReadOnlySpan<byte> HiddenTriple => "psi/v1/hidden/triple"u8;
    /// <summary>What the contributing party and the linker cover both shares of a product with, from the contributing party's secret.</summary>
    public static ReadOnlySpan<byte> HiddenShare => "psi/v1/hidden/share"u8;
    /// <summary>Record key of the cell-key method; the identifier follows.</summary>
    public static ReadOnlySpan<byte> CellRecordKey => "psi-disclosure record key 1:"u8;
    /// <summary>By which an owner recognises the secret of a dataset's record keys.</summary>
    public static ReadOnlySpan<byte> CellKeyName => "psi-disclosure cell key name 1:"u8;
    /// <summary>Key under which the parties send each other a query's text and labels; direction and query follow.</summary>
    public static ReadOnlySpan<byte> QuerySeal => "psi/v1/query-seal"u8;
    /// <summary>The label of X-Wing's combiner, as its draft has it.</summary>
    public static ReadOnlySpan<byte> XWing => @"\.//^\"u8;
    /// <summary>Key that an identity file lies under, from a mounted key; the file's salt is the salt.</summary>
    public static ReadOnlySpan<byte> IdentityFileKey => "psi/v2/identity-file"u8;
    /// <summary>Salt of the key that a pairing code gives: codes are used once, and drawn.</summary>
    public static ReadOnlySpan<byte> PairingSalt => "psi/v2/pair/salt"u8;
    /// <summary>Key of pairing messages from one name to another, which follow.</summary>
    public static ReadOnlySpan<byte> PairingKey => "psi/v2/pair/key"u8;
    /// <summary>Hash of all cards that a pairing exchanged.</summary>
    public static ReadOnlySpan<byte> PairingWords => "psi/v2/pair/words"u8;
    /// <summary>Signature by which an identity takes itself back; the fingerprint follows.</summary>
    public static ReadOnlySpan<byte> Revocation => "psi/v2/revocation"u8;
    /// <summary>Signature by which an identity names its successor; both fingerprints follow.</summary>
    public static ReadOnlySpan<byte> Succession => "psi/v2/succession"u8;
    /// <summary>What an envelope's signature is made over.</summary>
    public static ReadOnlySpan<byte> Envelope => "psi/v2/envelope"u8;
    /// <summary>Id of a key that messages are sealed to; the public key follows.</summary>
    public static ReadOnlySpan<byte> SealingKeyId => "psi/v2/seal/key-id"u8;
    /// <summary>Context of what is sealed to the key on a card; the receiver's fingerprint follows.</summary>
    public static ReadOnlySpan<byte> SealToCard => "psi/v2/seal/card"u8;
    /// <summary>Context of what is sealed to a session's key; sender's and receiver's fingerprint and the session follow.</summary>
    public static ReadOnlySpan<byte> SealToSession => "psi/v2/seal/session"u8;
    /// <summary>What the signature under a session's key is made over; fingerprints, session and key follow.</summary>
    public static ReadOnlySpan<byte> ChannelOpening => "psi/v2/channel-opening"u8;
    /// <summary>Key of a frame from a party's worker to its compute workers.</summary>
    public static ReadOnlySpan<byte> ComputeJob => "psi/v1/compute/job"u8;
    /// <summary>Key of a frame from a compute worker to its party's worker.</summary>
    public static ReadOnlySpan<byte> ComputeResult => "psi/v1/compute/result"u8;
    /// <summary>HPKE info of a run's key on its way to a compute worker; worker, run and its start follow.</summary>
    public static ReadOnlySpan<byte> ComputeRun => "psi/v1/compute/run"u8;
    /// <summary>Transcript hash of a hand-shake.</summary>
    public static ReadOnlySpan<byte> Transcript => "psi/v1/transcript"u8;
    /// <summary>Transcript hash of a later attempt at the rounds.</summary>
    public static ReadOnlySpan<byte> Attempt => "psi/v1/attempt"u8;
    /// <summary>Hash of an audit entry, behind the log's head before it, and the signature over that hash.</summary>
    public static ReadOnlySpan<byte> Audit => "psi/v3/audit"u8;
    /// <summary>Head of an audit log: the head before and what stands for the last entry follow.</summary>
    public static ReadOnlySpan<byte> AuditHead => "psi/v2/audit-head"u8;
    /// <summary>What stands for an audit entry: its hash and signature follow.</summary>
    public static ReadOnlySpan<byte> AuditCommitment => "psi/v1/audit-commitment"u8;
    /// <summary>Signature over an exported audit log; fingerprint, session, numbers of entries and keys, keys, and the heads after each follow.</summary>
    public static ReadOnlySpan<byte> AuditExport => "psi/v2/audit-export"u8;
    /// <summary>Signature on a participant's card.</summary>
    public static ReadOnlySpan<byte> Card => "psi/v2/card"u8;
    /// <summary>Fingerprint of a participant's card: all of it but its last day follows.</summary>
    public static ReadOnlySpan<byte> Fingerprint => "psi/v1/fingerprint"u8;
}
