using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Serialization;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Disclosure.Noise;
using PsiMessaging.Disclosure.Privacy;

namespace PsiMessaging.Party.Policy;

/// <summary>
/// Noise on all that partners are told of a dataset: with an account of how much may be told (docs/noise.md, "Noise in answers"), or by cell keys, on top of
/// all exact rules and without one ("Cell keys in answers").
/// </summary>
public sealed record PolicyNoise
{
    /// <summary>Its law; left out: <c>gaussian</c>.</summary>
    public NoiseKind Law { get; init; }
    /// <summary>σ of the Gaussian, scale of Laplace's: 0.1 to 1,000,000.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public decimal? Spread { get; init; }
    /// <summary>What is promised in all: ε, above 0, to 100.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Epsilon { get; init; }
    /// <summary>The same: δ, above 0, to 0.1.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Delta { get; init; }
    /// <summary>Cell keys: the noise's variance, above 0.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public decimal? Variance { get; init; }
    /// <summary>Cell keys: no count is off by more, 1 to 20.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Deviation { get; init; }

    /// <summary>As the partner is told.</summary>
    [JsonIgnore]
    public NoiseTerms Terms => Law == NoiseKind.CellKey ? new NoiseTerms(Law, Thresholds: Thresholds()) : new NoiseTerms(Law, Spread);

    /// <summary>What may be spent in all.</summary>
    internal Rho Budget => Rho.Budget(Epsilon!.Value, Delta!.Value);

    /// <summary>What a question costs: a record that changes is in one cell less and in another more.</summary>
    internal Rho Cost => LawOf(Terms) switch
    {
        DiscreteGaussian gaussian => Rho.Of(NoiseRule.Sensitivity, gaussian),
        DiscreteLaplace laplace => Rho.Of(NoiseRule.Sensitivity, laplace),
        _ => throw new InvalidOperationException("a noise of an unknown law"),
    };

    /// <summary>What is wrong with it; null for nothing.</summary>
    internal string? Fault => Law == NoiseKind.CellKey ? CellKeyFault
        : Variance is not null || Deviation is not null ? "\"variance\" and \"deviation\" are of the law cellKey; with an account say \"spread\""
        : Spread is null || Epsilon is null || Delta is null ? "needs \"spread\", \"epsilon\" and \"delta\""
        : AccountFault;

    private string? AccountFault => !NoiseRule.IsValid(Terms) ? "\"spread\" is 0.1 to 1000000"
        : !(Epsilon > 0 && Epsilon <= 100) || !(Delta > 0 && Delta <= 0.1) ? "\"epsilon\" is above 0, to 100, and \"delta\" above 0, to 0.1"
        : Cost > Budget ? $"one question costs rho {Cost}, and the budget is {Budget}; take a greater \"spread\" or \"epsilon\""
        : null;

    private string? CellKeyFault
    {
        get
        {
            if (Spread is not null || Epsilon is not null || Delta is not null)
            {
                return "the law cellKey has no account: leave out \"spread\", \"epsilon\" and \"delta\", and say \"variance\" and \"deviation\"";
            }

            if (Variance is not > 0 || Deviation is not (>= 1 and <= CellKeyRule.MostDeviation))
            {
                return $"the law cellKey needs a \"variance\" above 0 and a \"deviation\" of 1 to {CellKeyRule.MostDeviation}";
            }

            try
            {
                Thresholds();
                return null;
            }
            catch (CellKeyTableException exception)
            {
                return exception.Message;
            }
        }
    }

    private IReadOnlyList<int> Thresholds() => Made.GetOrAdd((Deviation!.Value, Variance!.Value), static parameters =>
    {
        var variance = Rational.Parse(parameters.Variance.ToString(CultureInfo.InvariantCulture));
        return CellKeyThresholds.Of(CellKeyTableBuilder.LastRow(parameters.Deviation, variance));
    });

    /// <summary>Policies are read for every decision.</summary>
    private static readonly ConcurrentDictionary<(int Deviation, decimal Variance), IReadOnlyList<int>> Made = new();

    /// <summary>What a question costs of a dataset's account, and what is left of it, for its owner.</summary>
    /// <param name="home">The home's folder.</param>
    /// <param name="dataset">The dataset.</param>
    /// <exception cref="IOException">The account is in use, or cannot be read.</exception>
    public string Standing(string home, string dataset)
    {
        var path = Privacy.NoiseDesk.PathOf(home, dataset);
        var spent = Rho.Zero;
        if (File.Exists(path))
        {
            using var file = PrivacyAccountFile.Open(path);
            spent = file.Account.Spent;
        }

        return $"each question costs rho {Cost} of {Budget}, {spent} is spent: epsilon {spent.Epsilon(Delta!.Value):0.###} of {Epsilon} at delta {Delta:g3}";
    }

    /// <summary>The law of some terms.</summary>
    internal static NoiseLaw LawOf(NoiseTerms terms)
    {
        var spread = Rational.Parse(terms.Spread!.Value.ToString("0.######", CultureInfo.InvariantCulture));
        return terms.Law == NoiseKind.Gaussian ? new DiscreteGaussian(spread * spread) : new DiscreteLaplace(spread);
    }
}
