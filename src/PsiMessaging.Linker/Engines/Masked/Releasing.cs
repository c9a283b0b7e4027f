using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>
/// The linker's part of a release (docs/masked.md): it offers the bits of its share, evaluates the contributing party's tables on what it took, and passes on
/// to the asking party its share, a label a decision, and what the contributing party sealed. It cannot tell what a label stands for.
/// </summary>
/// <param name="secrets">Its secrets.</param>
internal sealed class Releasing(ReleaseSecrets secrets)
{
    private const string Contract = "a release";

    /// <summary>Bytes of an authenticated seal.</summary>
    private const int SealBytes = 16;

    /// <summary>The next step of a release, once both corrections and all rows are here.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="query">The question.</param>
    /// <param name="product">Its shape.</param>
    /// <param name="words">The linker's share of the product.</param>
    /// <param name="program">What the contributing party sent as its program.</param>
    /// <param name="finish">What becomes of the question with the body for the asking party.</param>
    /// <exception cref="InvalidDataException">The contributing party sent what cannot be.</exception>
    public TurnOutcome Step(
        Turn<LinkSession> turn, string query, LinkProduct product, ulong[] words, ReadOnlyMemory<byte> program, Func<byte[], string, TurnOutcome> finish)
    {
        var session = turn.Session;
        var contributor = session.OtherThan(product.Asker);
        var slot = SlotKinds.Of(SlotKinds.Tables, contributor, query);
        var read = ReleaseProgram.Read(program, words.Length);
        var circuit = ReleaseCircuit.Of(read);
        using var keys = secrets.KeysOf(session.Id, session.Registrations[0].Transcript, contributor, product.Counter, query);
        var transfer = ReleaseProtocol.Transfer(read, keys, words, out var labels);
        if (!product.IsReleasing)
        {
            return turn.Commit(session.BeginRelease(query), effects =>
            {
                effects.Audit("release-begun", ("session", session.Id), ("query", query), ("asker", product.Asker), ("openings", read.Openings.Count));
                effects.Send(contributor, new ReleaseTransfer(session.Id, query), transfer);
            });
        }

        if (turn.At<ReleaseTables>(slot) is not { } waiting)
        {
            return TurnOutcome.Idle;
        }

        var body = waiting.Envelope.Body.Span;
        var tables = ReleaseProtocol.TablesSizeBytes(circuit);
        return body.Length != tables + ReleaseProtocol.OpeningSizeBytes(read).Sealed + SealBytes
            ? throw new InvalidDataException($"{Contract} has the wrong length")
            : finish([.. BodyWords.Write(words), .. ReleaseProtocol.Evaluate(circuit, keys, labels, body[..tables]), .. body[tables..]], slot);
    }
}
