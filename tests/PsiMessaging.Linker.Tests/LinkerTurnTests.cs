using System.Buffers.Binary;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Linker.Engines.Masked;
using PsiMessaging.Linker.Registering;

namespace PsiMessaging.Linker.Tests;

/// <summary>What the linker does in the turns of its sessions: ending, giving up, and a query of engine masked from its openings to its product.</summary>
public sealed class LinkerTurnTests : IAsyncDisposable
{
    private const int Rows = 4;

    private readonly LinkerDesk _desk = new();
    private readonly string _id = LinkerDesk.NewId();

    public ValueTask DisposeAsync() => _desk.DisposeAsync();

    private Task SendAsync(string from, object message, ReadOnlyMemory<byte> body = default) => _desk.SendAsync(from, _id, message, body);

    private RegisterDataset Registration(string from) => new(_id, new byte[32], from == "P1" ? "P2" : "P1", "masked", 1, Rows, []);

    private Task NothingLeftAsync(string query) => LinkerDesk.EventuallyAsync(() =>
        !Directory.Exists(Path.Combine(_desk.Home.SessionPath(_id), "products", query)) && _desk.Read(state => state.PendingSlots(_id, "")).Count == 0);

    private Task StateAsync(LinkState state) => LinkerDesk.EventuallyAsync(() => _desk.Session(_id)?.State == state);

    private async Task ReadyAsync()
    {
        _desk.Start();
        await SendAsync("P1", Registration("P1"));
        await SendAsync("P2", Registration("P2"));
        await StateAsync(LinkState.Ready);
    }

    private Task OpenAsync(string from, string query, long counter = 1) =>
        SendAsync(from, new OpenProduct(_id, query, "P1", counter, Rows, from == "P1" ? 2 : 1, from == "P1" ? 1 : 2, MaskedBatch.RowsOf(2)));

    private static Task<ReadOnlyMemory<byte>> BodyAsync(ulong[] words, int columns) => MaskedBatch.WriteAsync(words, Rows, columns);

    private static byte[] Words(params long[] words)
    {
        var body = new byte[8 * words.Length];
        for (var i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(8 * i), words[i]);
        }

        return body;
    }

    [Fact]
    public async Task BothRegister_EachIsTold()
    {
        await ReadyAsync();
        await LinkerDesk.EventuallyAsync(() => _desk.SentTo<DatasetRegistered>("P1").Count() == 2 && _desk.SentTo<DatasetRegistered>("P2").Count() == 2);
        Assert.Equal("P1", _desk.Session(_id)!.Opener);
    }

    /// <summary>Rows of somebody else came first: the first registration says who the parties are.</summary>
    [Fact]
    public async Task Registrations_ThatDisagree_EndTheSession_AndBothHear()
    {
        _desk.Start();
        await SendAsync("P1", Registration("P1"));
        await SendAsync("P2", Registration("P2") with { Rows = 5 });
        await StateAsync(LinkState.Failed);
        await LinkerDesk.EventuallyAsync(() => new[] { "P1", "P2" }.All(party =>
            _desk.SentTo<AbortSession>(party).Any(abort => abort.Code == FailureCodes.RegistrationMismatch)));
    }

    [Fact]
    public async Task ARepeat_Altered_EndsTheSession_AndItsFolderGoes()
    {
        await ReadyAsync();
        await OpenAsync("P1", LinkerDesk.NewId());
        await LinkerDesk.EventuallyAsync(() => Directory.Exists(_desk.Home.SessionPath(_id)));
        await SendAsync("P2", Registration("P2") with { MinCell = 2 });
        await LinkerDesk.EventuallyAsync(() => _desk.Session(_id) is { State: LinkState.Failed, IsCleaned: true });
        Assert.Equal((FailureCodes.AlteredRepeat, 0), (_desk.Session(_id)!.FailureCode, _desk.Session(_id)!.Products.Count));
        Assert.False(Directory.Exists(_desk.Home.SessionPath(_id)));
        await LinkerDesk.EventuallyAsync(() => _desk.Read(state => state.PendingSlots(_id, "")).Count == 0);
    }

    [Fact]
    public async Task AParty_EndsTheSession_WhoRegistersThenHears()
    {
        _desk.Start();
        await SendAsync("P1", new AbortSession(_id, FailureCodes.Cancelled, "x"));
        Assert.Equal(LinkState.Deleted, _desk.Session(_id)!.State);
        await SendAsync("P1", Registration("P1"));
        await LinkerDesk.EventuallyAsync(() => _desk.SentTo<AbortSession>("P1").Any(abort => abort.Reason == "the session was ended"));
    }

    [Fact]
    public async Task HalfRegistered_IsGivenUpAfterThirtyDays()
    {
        _desk.Start();
        await SendAsync("P1", Registration("P1"));
        await LinkerDesk.EventuallyAsync(() => _desk.Session(_id) is { Registrations.Count: 1 });
        _desk.Time.AdjustTime(_desk.Time.GetUtcNow() + PartyBounds.HalfRegisteredAge - TimeSpan.FromSeconds(1));
        _desk.Time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal(LinkState.Receiving, _desk.Session(_id)!.State);
        _desk.Time.Advance(TimeSpan.FromDays(1));
        await StateAsync(LinkState.Failed);
        Assert.Equal((FailureCodes.Deadline, "P2 has not registered for 30 days"), (_desk.Session(_id)!.FailureCode, _desk.Session(_id)!.FailureReason));
    }

    /// <summary>Rows that came before their opening, rows that came straight to their file, and the corrections, in a mixed order.</summary>
    [Fact]
    public async Task Query_Masked_TheProductLeaves_AndItsFilesGo()
    {
        await ReadyAsync();
        var query = LinkerDesk.NewId();
        await SendAsync("P1", new MaskedRows(_id, query, 0, Rows), await BodyAsync([1, 2, 3, 4, 5, 6, 7, 8], 2));
        await SendAsync("P2", new MaskedCorrection(_id, query), Words(0, 1));
        await OpenAsync("P2", query);
        await LinkerDesk.EventuallyAsync(() => _desk.Session(_id)!.StateOf(query) == ProductState.OneOpen);
        await SendAsync("P2", new MaskedRows(_id, query, 0, Rows), await BodyAsync([1, 1, 1, 2], 1));
        await SendAsync("P2", new MaskedRows(_id, query, 0, Rows), await BodyAsync([1, 1, 1, 2], 1));
        await OpenAsync("P1", query);
        await SendAsync("P1", new MaskedCorrection(_id, query), Words(3, 0));
        await LinkerDesk.EventuallyAsync(() => _desk.SentTo<ProductComputed>("P1").Any());

        // A column behind the other: 1+2+3+8 and 5+6+7+16, less the corrections.
        Assert.Equal(Words(11, 33), _desk.Sent.Single(envelope => envelope.Message is ProductComputed).Body.ToArray());
        Assert.Equal(ProductState.Ended, _desk.Session(_id)!.StateOf(query));
        await NothingLeftAsync(query);
    }

    [Theory]
    [InlineData(FailureCodes.AlteredRepeat, "P2 sent batch 0 twice with different content")]
    [InlineData(FailureCodes.BadContribution, "P2 sent masked rows that do not fit the query: batch 1 of 4 rows")]
    public async Task MaskedRows_ThatAreWrongAtTheDoor_EndTheQueryAlone(string code, string reason)
    {
        await ReadyAsync();
        var query = LinkerDesk.NewId();
        await OpenAsync("P2", query);
        await LinkerDesk.EventuallyAsync(() => _desk.Session(_id)!.StateOf(query) == ProductState.OneOpen);
        await SendAsync("P2", new MaskedRows(_id, query, 0, Rows), await BodyAsync([1, 1, 1, 2], 1));
        await SendAsync("P2", new MaskedRows(_id, query, code == FailureCodes.AlteredRepeat ? 0 : 1, Rows), await BodyAsync([1, 1, 1, 3], 1));
        await LinkerDesk.EventuallyAsync(() => _desk.SentTo<QueryRefused>("P1").Any());
        Assert.Equal((code, reason), (_desk.SentTo<QueryRefused>("P1").Single().Code, _desk.SentTo<QueryRefused>("P1").Single().Reason));
        Assert.Equal((LinkState.Ready, ProductState.Ended), (_desk.Session(_id)!.State, _desk.Session(_id)!.StateOf(query)));
        await NothingLeftAsync(query);

        // What comes for it still is dropped.
        await SendAsync("P2", new MaskedRows(_id, query, 0, Rows), await BodyAsync([1, 1, 1, 3], 1));
        Assert.Empty(_desk.Read(state => state.PendingSlots(_id, "")));
    }

    [Fact]
    public async Task Query_TakenBackBeforeItsOpening_IsNotOpened_ByTheOtherItIs()
    {
        await ReadyAsync();
        var (own, other) = (LinkerDesk.NewId(), LinkerDesk.NewId());
        await SendAsync("P1", new WithdrawQuery(_id, own, FailureCodes.Cancelled));
        await SendAsync("P2", new WithdrawQuery(_id, other, FailureCodes.Cancelled));
        await LinkerDesk.EventuallyAsync(() => _desk.Session(_id)!.EndedProducts.Count == 2);
        await OpenAsync("P1", own);
        await OpenAsync("P1", other);
        await LinkerDesk.EventuallyAsync(() =>
            _desk.Session(_id)!.StateOf(own) == ProductState.Ended && _desk.Session(_id)!.StateOf(other) == ProductState.OneOpen);
        await SendAsync("P1", new WithdrawQuery(_id, other, FailureCodes.Cancelled));
        await LinkerDesk.EventuallyAsync(() => _desk.Session(_id)!.StateOf(other) == ProductState.Ended);
        Assert.Empty(_desk.SentTo<QueryRefused>("P1"));
    }

    [Fact]
    public async Task Query_OfAMaskCounterThatWentBack_IsRefused()
    {
        await ReadyAsync();
        await OpenAsync("P1", LinkerDesk.NewId(), counter: 7);
        await LinkerDesk.EventuallyAsync(() => _desk.Session(_id)!.MaskCounters.GetValueOrDefault("P1") == 7);
        await OpenAsync("P1", LinkerDesk.NewId(), counter: 7);
        await LinkerDesk.EventuallyAsync(() => _desk.SentTo<QueryRefused>("P1").Any());
        Assert.Equal("the mask counter of P1 went backwards: 7 where 7 was seen; was its home restored from an older copy?",
            _desk.SentTo<QueryRefused>("P1").Single().Reason);
    }
}
