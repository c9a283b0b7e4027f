namespace PsiMessaging.Contracts.V1;

/// <summary>
/// How large a message may be before anything of it is stored. The header is the signed JSON with names, session and message; the body is the bytes behind it.
/// </summary>
/// <param name="HeaderBytes">Most bytes of the header.</param>
/// <param name="BodyBytes">Most bytes of the body; 0 means that there is none.</param>
public sealed record MessageLimit(int HeaderBytes, int BodyBytes)
{
    /// <summary>
    /// Whether it may be sealed to the long-lived key on its receiver's card, because there is no session key yet or none any more. All others are refused
    /// unless they are sealed to their session's key.
    /// </summary>
    public bool MayOpen { get; init; }

    /// <summary>Whether its header may name the head of its sender's audit log, for its receiver to enter into its own (docs/audit.md).</summary>
    public bool NamesAuditHead { get; init; }
}

/// <summary>
/// The bounds of every message that travels in an envelope. There is no default: a message without an entry is refused, and a test holds every contract and its
/// page to one. Messages between a party and its compute workers travel in frames of their own and have no place here.
/// </summary>
public static class MessageLimits
{
    private const int KiB = 1024;
    private const int MiB = 1024 * KiB;

    private static readonly Dictionary<Type, MessageLimit> Limits = new()
    {
        // Names and sizes of both sides, an RSA key of 8192 bits and its proof.
        [typeof(ProposeSession)] = new(64 * KiB, 0) { MayOpen = true, NamesAuditHead = true },
        [typeof(AcceptSession)] = new(32 * KiB, 0) { NamesAuditHead = true },
        [typeof(AbortSession)] = new(8 * KiB, 0) { MayOpen = true, NamesAuditHead = true },
        [typeof(ApprovalPending)] = new(4 * KiB, 0),
        [typeof(RestartProtocol)] = new(4 * KiB, 0),
        [typeof(RoundBatch)] = new(4 * KiB, 1 * MiB),
        [typeof(GrantCredit)] = new(4 * KiB, 0),
        [typeof(CompleteSession)] = new(4 * KiB, 0) { NamesAuditHead = true },

        // 1,000 columns with names of some hundred characters.
        [typeof(AnnounceColumns)] = new(512 * KiB, 0),

        // 1,000 column tokens.
        [typeof(RegisterDataset)] = new(64 * KiB, 8 * KiB) { MayOpen = true, NamesAuditHead = true },
        [typeof(DatasetBatch)] = new(4 * KiB, 8 * MiB),
        [typeof(DatasetRegistered)] = new(4 * KiB, 0) { NamesAuditHead = true },

        // 64 filters of encrypted values.
        [typeof(RunQuery)] = new(1 * MiB, 0) { NamesAuditHead = true },
        [typeof(QueryAnswered)] = new(4 * KiB, 12 * MiB) { NamesAuditHead = true },
        [typeof(QueryRefused)] = new(8 * KiB, 0) { MayOpen = true },
        [typeof(QueryAsked)] = new(16 * KiB, 0) { NamesAuditHead = true },

        // A question of 4,000 characters, and what the asking party announces of its groups.
        [typeof(ProposeQuery)] = new(4 * KiB, 512 * KiB) { NamesAuditHead = true },

        // Labels of 1,000 groups.
        [typeof(AcceptQuery)] = new(4 * KiB, 8 * MiB) { NamesAuditHead = true },
        [typeof(RefuseQuery)] = new(4 * KiB, 64 * KiB),
        [typeof(WithdrawQuery)] = new(4 * KiB, 0),
        [typeof(OpenProduct)] = new(4 * KiB, 0),
        [typeof(MaskedRows)] = new(4 * KiB, (1 * MiB) + (512 * KiB)),

        // 1,000 by 1,000 words, and behind them a release's program, or its labels and what they open.
        [typeof(MaskedCorrection)] = new(4 * KiB, 10 * MiB),
        [typeof(ReleaseTransfer)] = new(4 * KiB, 12 * MiB),
        [typeof(ReleaseTables)] = new(4 * KiB, 12 * MiB),
        [typeof(ProductComputed)] = new(4 * KiB, 12 * MiB) { NamesAuditHead = true },
        [typeof(StartSession)] = new(16 * KiB, 0) { MayOpen = true },
        [typeof(SendDataset)] = new(4 * KiB, 0) { MayOpen = true },
        [typeof(SubmitQuery)] = new(64 * KiB, 0) { MayOpen = true },
        [typeof(CancelSession)] = new(4 * KiB, 0) { MayOpen = true },
        [typeof(DecideApproval)] = new(8 * KiB, 0) { MayOpen = true },
        [typeof(CommandReply)] = new(64 * KiB, 0) { MayOpen = true },
    };

    /// <summary>Every message that travels in an envelope.</summary>
    public static IReadOnlyCollection<Type> Messages => Limits.Keys;

    /// <summary>The longest header of any message, in bytes.</summary>
    public static int LongestHeaderBytes { get; } = Limits.Values.Max(limit => limit.HeaderBytes);

    /// <summary>The longest body of any message, in bytes.</summary>
    public static int LongestBodyBytes { get; } = Limits.Values.Max(limit => limit.BodyBytes);

    /// <summary>The bounds of a message, or null where it does not travel in an envelope.</summary>
    public static MessageLimit? Of(Type message) => Limits.GetValueOrDefault(message);

    /// <summary>See <see cref="MessageLimit.NamesAuditHead"/>.</summary>
    public static bool NamesAuditHead(Type message) => Of(message) is { NamesAuditHead: true };

    /// <summary>See <see cref="MessageLimit.MayOpen"/>.</summary>
    public static bool MayOpen(Type message) => Of(message) is { MayOpen: true };
}
