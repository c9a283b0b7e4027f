using System.Globalization;
using System.Security.Cryptography;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Disclosure.Noise;
using PsiMessaging.Disclosure.Privacy;
using PsiMessaging.Files;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Privacy;

/// <summary>What a question has cost.</summary>
/// <param name="Cost">Of the dataset's account.</param>
/// <param name="Left">What is left.</param>
internal sealed record NoiseSpending(Rho Cost, Rho Left);

/// <summary>
/// The contributing party's noise (docs/noise.md, "Noise in answers"): each question about a dataset that has an account costs of it, and counts get noise from
/// a stream that is this question's alone. What is spent is on disk before anything is contributed; after a kill the same question has the same noise, and
/// costs nothing more. An account belongs to the dataset, whoever asks and in whatever session.
/// </summary>
internal sealed class NoiseDesk(PartyContext party)
{
    private const string FolderName = "privacy";

    /// <summary>Accounts are for one thread.</summary>
    private readonly Lock _accounts = new();

    /// <summary>The file of a dataset's account in a home.</summary>
    public static string PathOf(string home, string dataset) => Path.Combine(home, FolderName, $"{dataset}.account");

    /// <summary>The noise on what a question is told of a dataset; null for none.</summary>
    /// <param name="dataset">The own dataset.</param>
    /// <param name="query">
    /// The question. By cell keys one that uses no column of this party's has no noise: who asks can count the answer itself, and would learn the noise.
    /// </param>
    public PolicyNoise? On(string? dataset, BoundQuery query) =>
        dataset is not null && PartyPolicy.Load(party.Home).Noise.TryGetValue(dataset, out var noise)
            && (noise.Law != NoiseKind.CellKey || QuestionRule.Concerns(query, party.Name)) ? noise : null;

    /// <summary>Pays for a question, or finds that it is paid.</summary>
    /// <param name="dataset">The own dataset.</param>
    /// <param name="question">The question.</param>
    /// <param name="noise">The policy's word.</param>
    /// <exception cref="QueryException">There is not enough left, or the account is not the policy's.</exception>
    public NoiseSpending Spend(string dataset, Question question, PolicyNoise noise)
    {
        lock (_accounts)
        {
            try
            {
                using var file = Open(dataset, noise.Budget);
                var cost = noise.Cost;
                if (file.Account.Budget != noise.Budget)
                {
                    throw new PrivacyAccountException($"it was opened with a budget of rho {file.Account.Budget}, and the policy has {noise.Budget}; what is "
                        + "promised of a dataset does not change: put the policy back, or give the dataset another name");
                }

                file.Spend(IdOf(question), question.Text, cost, () => RandomNumberGenerator.GetBytes(SeededRandomBytes.KeyBytes));
                return new NoiseSpending(cost, file.Account.Left);
            }
            catch (PrivacyBudgetException)
            {
                throw new QueryException(FailureCodes.PrivacySpent, $"{party.Name} says no more about this dataset: what may be said of it is spent, or has "
                    + "less left than this question costs; what was answered is in psi answers");
            }
            catch (PrivacyAccountException exception)
            {
                party.Log.StepFault(exception, question.Session);
                throw new QueryException(FailureCodes.Internal, $"{party.Name} cannot read its own account of what was said; its log says why");
            }
        }
    }

    /// <summary>Adds a question's noise to the share of every word that it opens.</summary>
    /// <param name="dataset">The own dataset.</param>
    /// <param name="id">The question's in the account; it is paid.</param>
    /// <param name="terms">The noise.</param>
    /// <param name="program">What is opened.</param>
    /// <param name="share">The own share of every word.</param>
    /// <exception cref="InvalidDataException">The account does not know the question, or was lost or torn since.</exception>
    public void Add(string dataset, string id, NoiseTerms terms, ReleaseProgram program, ulong[] share)
    {
        var entry = EntryOf(dataset, id);
        int[] places = [.. program.Openings.SelectMany(opening => opening.Words).Distinct().Order()];
        var draws = new long[places.Length];
        Draw(terms, entry.Payload.AsSpan(), draws);
        for (var i = 0; i < places.Length; i++)
        {
            share[places[i]] += (ulong)draws[i];
        }

        draws.AsSpan().Clear();
    }

    private PrivacyEntry EntryOf(string dataset, string id)
    {
        lock (_accounts)
        {
            try
            {
                using var file = PrivacyAccountFile.Open(PathOf(party.Home.Path, dataset));
                return file.Account.Entries.FindLast(paid => paid.Id == id) ?? throw new InvalidDataException("the question was not paid for");
            }
            catch (Exception exception) when (exception is PrivacyAccountException or FileNotFoundException)
            {
                throw new InvalidDataException($"the account of what was said about {dataset} cannot be read any more: {exception.Message}", exception);
            }
        }
    }

    /// <summary>The draws of a stream.</summary>
    internal static void Draw(NoiseTerms terms, ReadOnlySpan<byte> key, Span<long> draws)
    {
        using var stream = new SeededRandomBytes(key);
        using var sampler = new TableSampler(PolicyNoise.LawOf(terms), stream);
        sampler.Fill(draws);
    }

    private PrivacyAccountFile Open(string dataset, Rho budget)
    {
        var path = PathOf(party.Home.Path, dataset);
        PrivateFile.CreateFolder(Path.GetDirectoryName(path)!);
        return File.Exists(path) ? PrivacyAccountFile.Open(path) : PrivacyAccountFile.Create(path, new PrivacyAccount(dataset, budget));
    }

    /// <summary>
    /// What a question is called in the account. The peer chooses ids: one that stood for two questions of other rows would, with the same noise, give the
    /// difference exactly. The inbox takes none twice; by the counter, which goes up, nothing rests on that here.
    /// </summary>
    internal static string IdOf(Question question) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"{question.Session.Length}:{question.Session}{question.Masked!.Counter}/{question.Id}"))));
}
