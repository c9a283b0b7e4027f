using System.Text.Json.Serialization;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Linker;

/// <summary>One party's registration at the linker.</summary>
/// <param name="Party">Whose rows.</param>
/// <param name="Peer">The other party it names.</param>
/// <param name="Transcript">Hash of the parties' hand-shake, 32 bytes.</param>
/// <param name="Engine">Linker engine.</param>
/// <param name="MinCell">Smallest count that may be released.</param>
/// <param name="Rows">Announced rows.</param>
/// <param name="Columns">Column tokens.</param>
public sealed record Registration(string Party, string Peer, byte[] Transcript, QueryEngine Engine, int MinCell, int Rows, IReadOnlyList<string> Columns)
{
    /// <summary>Rows on disk so far.</summary>
    public int Received { get; init; }
    /// <summary>Batches on disk: first and last row token of each, by sequence.</summary>
    public IReadOnlyDictionary<int, BatchSpan> Batches { get; init; } = new Dictionary<int, BatchSpan>();
    /// <summary>Sequence of the last batch, once seen.</summary>
    public int? LastSequence { get; init; }
    /// <summary>Whether every row is on disk and checked.</summary>
    public bool Complete { get; init; }
}

/// <summary>What a stored batch spans.</summary>
public sealed record BatchSpan(int Rows, byte[] First, byte[] Last);

/// <summary>A query of engine <c>masked</c> as the linker keeps it: shapes, and who has opened its part.</summary>
/// <param name="Asker">The party the product goes to.</param>
/// <param name="Counter">The asking party's mask counter.</param>
/// <param name="P">Columns of the asking party's matrix.</param>
/// <param name="Q">Columns of the other's.</param>
/// <param name="Rows">n.</param>
/// <param name="Opened">Parties whose matrix is announced.</param>
public sealed record LinkProduct(string Asker, long Counter, int P, int Q, int Rows, IReadOnlyList<string> Opened)
{
    /// <summary>What binds the asking party, as the other one says; null where nothing does.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ProductBinding? Binding { get; init; }

    /// <summary>Bits of a word, 1 to 64.</summary>
    public int WordBits { get; init; } = MaskedBatch.MaximumWordBits;

    /// <summary>The same as columns.</summary>
    [JsonIgnore]
    public BindingLayout? BindingLayout => Binding is null ? null : new BindingLayout(P, Q, Binding.Groups, Binding.Width, Binding.Offsets);

    /// <summary>Whether its release has begun: the contributing party's tables are waited for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsReleasing { get; init; }


    /// <summary>Rows of every batch but the last, which has what is left.</summary>
    [JsonIgnore]
    public int BatchRows => MaskedBatch.RowsOf(Math.Max(P, Q), WordBits);

    /// <summary>Batches of each party.</summary>
    [JsonIgnore]
    public int Batches => (Rows + BatchRows - 1) / BatchRows;

    /// <summary>Rows of a batch.</summary>
    public int RowsOf(int sequence) => Math.Min(BatchRows, Rows - (sequence * BatchRows));

    /// <summary>Columns of a party's matrix that it sends.</summary>
    /// <param name="party">The party.</param>
    public int SentColumnsOf(string party) => party == Asker ? P : Q - (Binding is null ? 0 : PsiMessaging.Batches.BindingLayout.FromSeed);
}
