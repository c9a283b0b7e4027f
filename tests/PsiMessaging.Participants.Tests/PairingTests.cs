using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Pairing;
using PsiMessaging.Testing;

namespace PsiMessaging.Participants.Tests;

/// <summary>Cards that are exchanged under a code, and who can get between.</summary>
public sealed class PairingTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, ParticipantHome> _homes = new(StringComparer.Ordinal);

    public PairingTests()
    {
        foreach (var (name, role) in new[]
        {
            ("P1", ParticipantRole.Party), ("P2", ParticipantRole.Party), ("LINKER", ParticipantRole.Linker), ("EVIL", ParticipantRole.Party),
        })
        {
            _homes[name] = Make(name, name, role);
        }
    }

    public void Dispose()
    {
        foreach (var home in _homes.Values)
        {
            home.Dispose();
        }

        _folder.Dispose();
    }

    private ParticipantHome Make(string folder, string name, ParticipantRole role) =>
        ParticipantHome.Create(Path.Combine(_folder.Path, folder), new ParticipantConfig { Name = name, Role = role });

    private PairingExchange Side(PairingCode code, string name, params string[] others) => new(code, _homes[name].Card, others);

    [Fact]
    public void ThreeWithOneCode_GetEachOthersCards_AndTheSameWords()
    {
        using var code = PairingCode.Draw();
        using var typed = PairingCode.Parse(code.Text.ToUpperInvariant().Replace('-', ' '));
        var sides = new Dictionary<string, PairingExchange>
        {
            ["P1"] = Side(code, "P1", "P2", "LINKER"), ["P2"] = Side(typed, "P2", "P1", "LINKER"), ["LINKER"] = Side(typed, "LINKER", "P1", "P2"),
        };
        for (var round = 0; round < 2; round++)
        {
            Assert.All(sides.Values, side => Assert.Equal(2, side.Awaited.Count));
            foreach (var (from, side) in sides)
            {
                foreach (var to in sides.Keys.Where(to => to != from))
                {
                    sides[to].Hear(side.Say(to));
                }
            }

            if (round == 0 && sides.Values.Any(side => side.Awaited.Count == 0))
            {
                break;
            }
        }

        foreach (var (from, side) in sides)
        {
            foreach (var to in sides.Keys.Where(to => to != from))
            {
                sides[to].Hear(side.Say(to));
            }
        }

        Assert.All(sides, side => Assert.Empty(side.Value.Awaited));
        Assert.Single(sides.Select(side => code.WordsOf(side.Value.Cards.Append(_homes[side.Key].Card))).Distinct());
    }

    [Fact]
    public void StrangerWithAnotherCode_IsOnlyCounted()
    {
        using var code = PairingCode.Draw();
        using var guessed = PairingCode.Draw();
        var side = Side(code, "P1", "P2");
        side.Hear(Side(guessed, "P2", "P1").Say("P1"));
        side.Hear([]);
        side.Hear(new byte[100_000]);
        var word = Side(code, "P2", "P1").Say("P1");
        for (var i = 0; i < word.Length; i += 11)
        {
            var altered = word.ToArray();
            altered[i] ^= 1;
            side.Hear(altered);
        }

        Assert.Empty(side.Cards);
        Assert.Equal(3 + ((word.Length + 10) / 11), side.Unreadable);
    }

    /// <summary>What one says to another is nothing to a third, and nothing back to itself.</summary>
    [Fact]
    public void WhoeverRunsTheBroker_ReflectsAndRedirects_NothingIsTaken()
    {
        using var code = PairingCode.Draw();
        var (one, two, linker) = (Side(code, "P1", "P2", "LINKER"), Side(code, "P2", "P1", "LINKER"), Side(code, "LINKER", "P1", "P2"));
        one.Hear(one.Say("P2"));
        linker.Hear(one.Say("P2"));
        two.Hear(one.Say("LINKER"));
        Assert.All(new[] { one, two, linker }, side => Assert.Empty(side.Cards));
    }

    /// <summary>Has the code and plays the linker to P1, and P1 to the linker: it cannot make the words the same, and people see it.</summary>
    [Fact]
    public void PartnerWhoHasTheCode_PassesOffItsOwnCards_TheWordsDiffer()
    {
        using var code = PairingCode.Draw();
        var (one, linker) = (Side(code, "P1", "P2", "LINKER"), Side(code, "LINKER", "P1", "P2"));
        using var falseLinker = Make("false-linker", "LINKER", ParticipantRole.Linker);
        using var falseOne = Make("false-one", "P1", ParticipantRole.Party);
        var two = Side(code, "P2", "P1", "LINKER");
        one.Hear(two.Say("P1"));
        linker.Hear(two.Say("LINKER"));
        one.Hear(code.Seal("LINKER", "P1", new PairingWord(falseLinker.Card.ToJson(), ["P1"])));
        linker.Hear(code.Seal("P1", "LINKER", new PairingWord(falseOne.Card.ToJson(), ["LINKER"])));
        Assert.Equal((2, 2), (one.Cards.Count, linker.Cards.Count));
        using var later = PairingCode.Draw();
        Assert.NotEqual(code.WordsOf(one.Cards), later.WordsOf(one.Cards));
        Assert.NotEqual(code.WordsOf(one.Cards.Append(_homes["P1"].Card)), code.WordsOf(linker.Cards.Append(_homes["LINKER"].Card)));

        // The card that came first stays: a second one does not slip in after the words were read.
        one.Hear(linker.Say("P1"));
        Assert.Contains(one.Cards, card => card.Fingerprint == falseLinker.Card.Fingerprint);
    }

    [Fact]
    public void CardOfAnotherName_OrNoCard_IsNotTaken()
    {
        using var code = PairingCode.Draw();
        var side = Side(code, "P1", "P2");
        side.Hear(code.Seal("P2", "P1", new PairingWord(_homes["EVIL"].Card.ToJson(), ["P1"])));
        side.Hear(code.Seal("P2", "P1", new PairingWord("no card", ["P1"])));
        Assert.Empty(side.Cards);
        Assert.Equal(2, side.Unreadable);
    }

    [Theory]
    [InlineData("")]
    [InlineData("lusab")]
    [InlineData("lusab-babad-gutih-tugad")]
    [InlineData("lusab-babad-gutih-tugad-xxxxx")]
    public void Parse_WhatIsNoCode_IsRefused(string words) => Assert.Throws<ParticipantException>(() => PairingCode.Parse(words));
}
