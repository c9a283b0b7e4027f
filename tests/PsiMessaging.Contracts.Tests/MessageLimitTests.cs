using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Contracts.Tests;

/// <summary>Every message has bounds and says them on its page; there is no default.</summary>
public class MessageLimitTests
{
    private static readonly Type[] InFramesOfTheirOwn = [typeof(EvaluateBatch), typeof(BatchEvaluated), typeof(ComputeReady), typeof(ComputeRun)];

    public static TheoryData<string> Names => [.. ContractCatalog.Names.Order(StringComparer.Ordinal)];

    private static string Size(int bytes) => bytes % (1 << 20) == 0 ? $"{bytes >> 20} MiB" : $"{bytes >> 10:N0} KiB";

    private static string PageOf(Type type) => ContractsFolder.PageOf(type.Name);

    [Theory]
    [MemberData(nameof(Names))]
    public void Message_HasBoundsThatItsPageStates(string name)
    {
        var type = ContractCatalog.Find(name)!;
        if (InFramesOfTheirOwn.Contains(type))
        {
            Assert.Null(MessageLimits.Of(type));
            return;
        }

        var limit = MessageLimits.Of(type);
        Assert.NotNull(limit);
        Assert.Contains($"At most {Size(limit.HeaderBytes)} of header, {(limit.BodyBytes == 0 ? "no body" : $"at most {Size(limit.BodyBytes)} of body")}.",
            PageOf(type), StringComparison.Ordinal);
    }

    [Fact]
    public void LongestFrame_StaysBelowWhatRabbitMq4Carries() =>
        Assert.InRange(MessageLimits.LongestHeaderBytes + MessageLimits.LongestBodyBytes, 1, (16 << 20) - 4096);
}
