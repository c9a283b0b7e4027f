using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Participants.Tests;

/// <summary>Tables of states that are not whole are not taken.</summary>
public class TransitionTableTests
{
    private enum Lamp
    {
        Off,
        On,
    }

    private enum Touch
    {
        Press,
        Break,
    }

    private const string Whole = """
        from | Press Break
        -    | Off   ✗
        Off  | On    ·
        On   | Off   Off
        """;

    [Fact]
    public void Next_FollowsTheTable()
    {
        var table = new TransitionTable<Lamp, Touch>("lamp", Whole);
        Assert.Equal([Lamp.Off, Lamp.On, Lamp.Off],
            new[] { table.Next(null, Touch.Press), table.Next(Lamp.Off, Touch.Press), table.Next(Lamp.On, Touch.Break) });
        Assert.Equal(Lamp.Off, table.Next(Lamp.Off, Touch.Break));
        Assert.Equal("Break cannot happen to a lamp that is not there", Assert.Throws<InvalidOperationException>(() => table.Next(null, Touch.Break)).Message);
    }

    [Theory]
    [InlineData("from | Press Break\n- | Off ✗\nOff | On ·")]
    [InlineData("from | Press\n- | Off\nOff | On\nOn | Off")]
    [InlineData("from | Press Break\n- | Off ✗\nOff | Dim ·\nOn | Off Off")]
    [InlineData("from | Press Kick\n- | Off ✗\nOff | On ·\nOn | Off Off")]
    public void ATable_ThatLacksACellOrNamesNoState_IsRefused(string table) =>
        Assert.Throws<ArgumentException>(() => new TransitionTable<Lamp, Touch>("lamp", table));
}
