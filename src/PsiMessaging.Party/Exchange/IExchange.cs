using System.Collections;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Exchange;

/// <summary>What is common: own identifiers by their position, where this party may know which; and how many.</summary>
/// <param name="Positions">One bit an own identifier; null where only the number is revealed.</param>
/// <param name="Count">How many.</param>
internal sealed record MatchedSet(BitArray? Positions, int Count);

/// <summary>Takes a tag that is common.</summary>
internal delegate void TagSink(ReadOnlySpan<byte> tag);

/// <summary>What of a session's rounds lies on disk.</summary>
internal interface IStoredRounds
{
    /// <summary>Reads what was kept of a round, by sequence.</summary>
    void ReadKept(int round, Action<int, byte[]> read);

    /// <summary>A batch that the peer sent, or null when it is not there any more.</summary>
    ReadOnlyMemory<byte>? FindBatch(int round, int sequence);
}

/// <summary>
/// One party's side of the protocol at work: makes its batches and takes the peer's. Batches are evaluated one by one, or are parts of vectors that stay in
/// memory: what is different about these two is in here, and nowhere else in the party. All of it can be made again from disk.
/// </summary>
internal interface IExchange : IDisposable
{
    /// <summary>The rounds, seen from this party.</summary>
    IReadOnlyList<Round> Rounds { get; }

    /// <summary>Own identifiers: in the session's order, or as they are; null for a pure sender whose tags were made before.</summary>
    Data.Keys.IdentifierFile? Items { get; }

    /// <summary>
    /// Whether it has to be given everything again after a restart: the peer's batches then stay in the inbox
    /// until the rounds are over, and what was sent is held to a hash.
    /// </summary>
    bool IsReplayed { get; }

    /// <summary>Whether another batch may be begun.</summary>
    /// <param name="inHand">Batches in hand; with none it always may.</param>
    bool HasRoom(int inHand);

    /// <summary>Makes a batch of an outgoing round.</summary>
    Task<byte[]> ProduceAsync(PartySession session, Round round, int sequence);

    /// <summary>Takes a batch of the peer's, whose length was checked.</summary>
    /// <returns>What is kept of it and answered.</returns>
    Task<byte[]> AbsorbAsync(Round round, int sequence, ReadOnlyMemory<byte> payload);

    /// <summary>Brings it to where the session stands on disk.</summary>
    /// <exception cref="RestartException">What it would send is not what it had sent, or what the peer had sent is gone.</exception>
    Task RecoverAsync(PartySession session, IStoredRounds stored);

    /// <summary>What is common, once all rounds are over.</summary>
    /// <param name="session">The session.</param>
    /// <param name="stored">What of its rounds lies on disk.</param>
    /// <param name="onTag">Where only the number is revealed: takes the tags that are common, in order.</param>
    /// <param name="ended">The session is over before that.</param>
    Task<MatchedSet> FinishAsync(PartySession session, IStoredRounds stored, TagSink onTag, CancellationToken ended);
}
