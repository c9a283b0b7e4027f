using System.Collections;
using System.Numerics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Protocols.Vole;

/// <summary>
/// One side of <c>vole</c> over sets cut into shards: a <see cref="VoleParty"/> a shard, one after the other, each under a transcript and secrets of its own,
/// so that memory is that of one shard. Round r of shard k, from 0, has the number 11·k + r and belongs to stage k.
/// </summary>
/// <remarks>
/// Who learns what: as of <see cref="VoleParty"/>. Number and size of the shards follow from both announced sizes (<see cref="VoleShards"/>); how many items of
/// a party each has does not show, since all are filled up to one size with blocks from the party's seed, which match nothing. A party that is told the result
/// also learns it shard by shard, and could compute which shard an item is in. The receiver that alone learns the result compares between two shards, in a time
/// that does not depend on what is common. Own analysis, not reviewed: docs/protocols.md.
/// </remarks>
internal sealed class ShardedVoleParty : IVectorParty
{
    private readonly int _size;
    private readonly VoleShards _shards;
    private readonly VoleSettings _settings;
    private readonly bool _receives;
    private readonly SecretBytes _seed;
    private readonly Cores _cores;
    private readonly ShardItems _items;
    private readonly int[] _common;
    private readonly CancellationTokenSource _ended = new();
    private readonly Lock _lock = new();
    private int[] _positions = [];
    private int _shard = -1;
    private Task<VoleParty>? _open;
    private Task<(BitArray Positions, int Count)>? _finished;
    private VoleParty? _party;
    private bool _isDisposed;

    /// <param name="shards">How the sets are cut, into two or more.</param>
    /// <param name="setup">The party.</param>
    public ShardedVoleParty(VoleShards shards, PartySetup setup)
    {
        (_shards, _seed, _cores, _size) = (shards, setup.Seed, setup.Cores, setup.OwnSize);
        _settings = SettingsOf(shards, setup);
        _receives = setup.Sizes.InitiatorReceives(setup.RevealTo) == setup.IsInitiator;
        _items = new ShardItems(setup.ReadItems!, _size, shards.Count, _receives ? shards.ReceiverSize : shards.SenderSize, setup.Transcript);
        _common = new int[(_size + 31) / 32];
        Rounds = [.. Enumerable.Range(0, shards.Count).SelectMany(shard => _settings.Rounds(_receives).Select(round => OfShard(round, shard)))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<Round> Rounds { get; }

    /// <inheritdoc/>
    public int TagSizeBytes => _settings.TagSizeBytes;

    /// <summary>For tests: called when the vectors of a shard, from 0, begin to be there, and when they are gone.</summary>
    internal Action<int, bool> OnShard { get; set; } = (_, _) => { };

    /// <summary>Settings of every shard but its transcript: tags are long enough for all pairs of whole sets, and for those of all filled shards.</summary>
    public static VoleSettings SettingsOf(VoleShards shards, PartySetup setup)
    {
        var (receiver, sender) = setup.Sizes.Sides(setup.RevealTo);
        return Settings(shards, receiver, sender, setup.Transcript, setup.Security == Contracts.V1.SecurityModel.Malicious,
            setup.RevealTo == Contracts.V1.RevealTo.Both);
    }

    /// <summary>The same from sizes.</summary>
    public static VoleSettings Settings(VoleShards shards, int receiver, int sender, byte[] transcript, bool malicious, bool answers)
    {
        var settings = new VoleSettings(transcript, shards.ReceiverSize, shards.SenderSize, malicious, answers);
        return malicious ? settings : settings with
        {
            TagSizeBytes = Math.Max(FalseMatchBound.TagSizeBytes(receiver, sender),
                FalseMatchBound.TagSizeBytes(shards.ReceiverSize, shards.SenderSize, shards.Count)),
        };
    }

    /// <inheritdoc/>
    public async Task<byte[]> ProduceAsync(Round round, int sequence) => await (await ShardAsync(round.Stage)).ProduceAsync(Inner(round), sequence);

    /// <inheritdoc/>
    public async Task AbsorbAsync(Round round, int sequence, ReadOnlyMemory<byte> payload) =>
        await (await ShardAsync(round.Stage)).AbsorbAsync(Inner(round), sequence, payload);

    /// <inheritdoc/>
    public Task<(BitArray Positions, int Count)> FinishAsync()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_shard != _shards.Count - 1)
            {
                throw new InvalidOperationException($"shard {_shard + 1} of {_shards.Count} is not the last");
            }

            return _finished ??= EndAsync(_open!);
        }
    }

    private async Task<(BitArray Positions, int Count)> EndAsync(Task<VoleParty> last)
    {
        await CloseAsync(_shards.Count - 1, await last);
        return (new BitArray(_common) { Length = _size }, _common.Sum(word => BitOperations.PopCount((uint)word)));
    }

    private Round OfShard(Round round, int shard) => round with
    {
        Number = (shard * VoleSettings.MatchesRound) + round.Number,
        Name = $"{round.Name} (shard {shard + 1} of {_shards.Count})",
        After = [.. round.After.Select(number => (shard * VoleSettings.MatchesRound) + number)],
        Stage = shard,
    };

    private static Round Inner(Round round) => round with { Number = round.Number - (round.Stage * VoleSettings.MatchesRound) };

    /// <summary>The party of a shard: that at work, or the next one, for which the one before is ended first.</summary>
    private Task<VoleParty> ShardAsync(int shard)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (shard == _shard)
            {
                return _open!;
            }

            if (shard != _shard + 1)
            {
                throw new InvalidOperationException($"shard {shard + 1} is not at work, shard {_shard + 1} is");
            }

            var former = _open;
            _shard = shard;
            return _open = Task.Run(() => OpenAsync(shard, former));
        }
    }

    private async Task<VoleParty> OpenAsync(int shard, Task<VoleParty>? former)
    {
        if (former is not null)
        {
            await CloseAsync(shard - 1, await former);
        }
        else
        {
            // All shards are looked at before anything leaves: later the rounds could not begin again.
            await _cores.Run(() =>
            {
                _items.Count(_ended.Token);
                return true;
            });
        }

        var settings = _settings with { Transcript = TranscriptOf(shard) };
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            OnShard(shard, true);
            return _party = VoleParty.Create(settings, _receives, _seed, (both, cancellation) => Hash(shard, settings.Transcript, both, cancellation), _cores);
        }
    }

    /// <summary>Ends a shard's party, whose rounds are over: what is common is noted, everything else is forgotten.</summary>
    private async Task CloseAsync(int shard, VoleParty party)
    {
        if (_receives || _settings.AnswersResult)
        {
            var (positions, _) = await party.FinishAsync();
            await _cores.Run(() => Note(positions));
        }

        _positions = [];
        party.Dispose();
        OnShard(shard, false);
    }

    /// <summary>The same is done for every item, in common or not.</summary>
    private bool Note(BitArray ofShard)
    {
        var words = new int[(ofShard.Length + 31) / 32];
        ofShard.CopyTo(words, 0);
        for (var i = 0; i < _positions.Length; i++)
        {
            var position = _positions[i];
            _common[position >> 5] |= ((words[i >> 5] >> i) & 1) << position;
        }

        return true;
    }

    private byte[] TranscriptOf(int shard) =>
        SHA256.HashData([.. DomainTags.VoleShard, .. _settings.Transcript, (byte)shard, (byte)_shards.Count]);

    private ItemHashes Hash(int shard, byte[] transcript, bool both, CancellationToken cancellation)
    {
        using var dummies = _seed.Derive(transcript, DomainTags.VoleDummies, Aes128.KeySizeBytes);
        (var hashes, _positions) = _items.Read(shard, both, transcript, dummies, cancellation);
        return hashes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Task<VoleParty>? open;
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            (_isDisposed, open) = (true, _open);
        }

        _ended.Cancel();
        _party?.Dispose();
        Task[] under = [.. new Task?[] { open, _finished }.OfType<Task>()];
        Task.WhenAll(under).ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        _party?.Dispose();
        _items.Dispose();
        _ended.Dispose();
    }
}
