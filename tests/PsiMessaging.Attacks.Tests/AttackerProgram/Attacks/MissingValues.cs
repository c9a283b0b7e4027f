namespace PsiMessaging.Attacks.Tests.AttackerProgram.Attacks;

/// <summary>The sum by the mean is how many have a value.</summary>
internal sealed class MissingValues : Attack
{
    public override string Name => "a sum and a mean, and who lacks a value";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var session = desk.Session;
        return LinesOf((await desk.AskAsync("sum(VISITS), mean(VISITS)")).Answer, 0).FirstOrDefault().Numbers is [{ } sum, { } mean]
            ? [new Claim("how many lack a value", i => session.Visits[i] is null, session.Records - Math.Round(sum / mean))] : [];
    }
}
