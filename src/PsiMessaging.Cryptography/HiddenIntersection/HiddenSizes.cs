namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>What the three agree on before a hidden intersection. All sizes of messages follow from it.</summary>
/// <param name="Transcript">Hash of the parties' hand-shake, 32 bytes.</param>
/// <param name="InitiatorRecords">Records of the party that opened the session, dummies among them.</param>
/// <param name="ResponderRecords">Records of the other, dummies among them.</param>
/// <param name="TokenSizeBytes">Bytes of a token, 8 to 16: the parties have it from the bound on false matches.</param>
public sealed record HiddenSizes(byte[] Transcript, int InitiatorRecords, int ResponderRecords, int TokenSizeBytes)
{
    /// <summary>Most records of a party.</summary>
    public const int MaximumRecords = 1 << 24;

    /// <summary>Records of a party.</summary>
    public int RecordsOf(bool initiator) => initiator ? InitiatorRecords : ResponderRecords;

    /// <summary>How a party's tokens travel to the linker.</summary>
    public MessageCut TokensOf(bool initiator) => new(initiator ? "tokens of the initiator" : "tokens of the responder", RecordsOf(initiator), TokenSizeBytes);

    /// <summary>Refuses sizes that cannot be.</summary>
    /// <exception cref="InvalidDataException">A number is out of its range.</exception>
    public HiddenSizes Check() =>
        Transcript.Length == 32 && InitiatorRecords is >= 0 and <= MaximumRecords && ResponderRecords is >= 0 and <= MaximumRecords
        && TokenSizeBytes is >= 8 and <= 16 ? this : throw new InvalidDataException("the announced sizes of a hidden intersection are out of their range");
}
