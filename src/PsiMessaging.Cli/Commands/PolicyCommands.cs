using System.CommandLine;
using System.Globalization;
using System.Text;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Cli.Output;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Questions.History;
using PsiMessaging.Storage;

namespace PsiMessaging.Cli.Commands;

/// <summary>A policy check as <c>--json</c> prints it.</summary>
internal sealed record PolicyView(bool Ok, IReadOnlyList<string> Faults, IReadOnlyList<string> Warnings);

/// <summary>What waits for a person, as <c>--json</c> prints it.</summary>
internal sealed record ApprovalView(
    string Id, string Session, string Kind, string Partner, string What, string Why, DateTimeOffset AskedAt, DateTimeOffset DeadlineAt, string State);

/// <summary>Terms that ask no more, as <c>--json</c> prints them.</summary>
internal sealed record ApprovedView(string Id, string Partner, string What, DateTimeOffset At, string? Reason);

/// <summary>All of <c>psi approvals</c>.</summary>
internal sealed record ApprovalsView(IReadOnlyList<ApprovalView> Waiting, IReadOnlyList<ApprovedView> Approved);

/// <summary><c>psi policy</c>, <c>approvals</c>, <c>approve</c> and <c>deny</c>: what a party's owner grants, and what waits for a person.</summary>
internal static class PolicyCommands
{
    private static readonly TimeSpan CommandPatience = TimeSpan.FromSeconds(30);

    public static Command Policy() => new("policy", "What partners may do with this party's data, as policy.json has it") { Init(), Check(), Explain() };

    private static Command Init() => new Command("init", "Write policy.json anew, with what can be said in it as comments").Do((parsed, _) =>
    {
        using var home = SessionCommands.OpenParty(parsed);
        var path = PathOf(home);
        if (File.Exists(path))
        {
            throw new ParticipantException(FailureCodes.WrongState, $"{path} is there already; move it away to begin anew");
        }

        AtomicFile.Write(path, Encoding.UTF8.GetBytes(PolicyText.Template));
        Console.Out.WriteLine($"{path} is written. Nothing is granted yet: what a partner asks for waits for a person (psi approvals).");
        return Task.CompletedTask;
    });

    private static Command Check() => new Command("check", "Say what is wrong with policy.json, and what it grants").Do((parsed, _) =>
    {
        using var home = SessionCommands.OpenParty(parsed);
        var path = PathOf(home);
        var reading = File.Exists(path) ? PolicyText.Parse(File.ReadAllText(path), path) : new PolicyText.Reading(PartyPolicy.Default, []);
        using var store = new SqliteParticipantStore(home.StatePath);
        var warnings = reading.Policy is null ? [] : WarningsOf(home, new DatasetCatalog(home, store, TimeProvider.System).List(), reading.Policy).ToArray();
        if (parsed.GetValue(PsiRootCommand.Json))
        {
            Terminal.Json(new PolicyView(reading.Policy is not null, reading.Faults, warnings), OutputJson.Plain.PolicyView);
        }

        if (reading.Policy is not { } policy)
        {
            foreach (var more in reading.Faults.Skip(1))
            {
                Console.Error.WriteLine($"psi: {more}");
            }

            throw new ParticipantException(FailureCodes.NotGranted, reading.Faults[0]);
        }

        if (!parsed.GetValue(PsiRootCommand.Json))
        {
            Show(home, policy, warnings);
        }

        if (File.Exists(path))
        {
            AuditCommands.Enter(home, "policy-checked",
                ("sha256", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)))));
        }

        return Task.CompletedTask;
    });

    private static void Show(ParticipantHome home, PartyPolicy policy, IReadOnlyList<string> warnings)
    {
        var what = policy.Otherwise == Otherwise.Ask ? "waits for a person" : "is refused";
        Console.Out.WriteLine($"{home.Name}'s policy is sound. What it does not grant {what}.");
        var rows = policy.Partners.SelectMany(entry => entry.Value.Select(grant => (IReadOnlyList<string>)
            [
                entry.Key == PolicyGrant.Any ? "every partner" : entry.Key, Listed(grant.Datasets), Listed(grant.Protocols), Listed(grant.Reveal),
                $"{Listed(grant.Columns.GroupBy)} / {Listed(grant.Columns.Measure)} / {Listed(grant.Columns.Filter)}",
                $"{Bound(grant.SessionsPerDay)} / {Bound(grant.QuestionsPerDay)} / {Bound(grant.EvaluationsPerDay)}",
                grant.Until is { } until ? until.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : "no end",
            ])).ToArray();
        if (rows.Length > 0)
        {
            Terminal.Table(
                ["partner", "datasets", "protocols", "reveal", "columns: group / measure / filter",
                    "a day: sessions / questions / evaluations", "until"], rows);
        }

        foreach (var (dataset, noise) in policy.Noise)
        {
            Console.Out.WriteLine(NoiseLine(home, dataset, noise));
        }

        foreach (var (dataset, dominance) in policy.Dominance)
        {
            Console.Out.WriteLine($"Sums of {dataset} ({Listed(dominance.Columns)}) are held to {dominance.Text}, which partners are not told.");
        }

        foreach (var warning in warnings)
        {
            Console.Error.WriteLine($"psi: warning: {warning}");
        }

        static string Listed(IReadOnlyList<string> list) => list.Count == 0 ? "none" : list.Contains(PolicyGrant.Any) ? "all" : string.Join(", ", list);
        static string Bound(long? bound) => bound is { } most ? most.ToString("N0", CultureInfo.InvariantCulture) : "any";
    }

    /// <summary>What is no fault and yet may not be meant: names that are not here.</summary>
    private static IEnumerable<string> WarningsOf(ParticipantHome home, IReadOnlyList<Dataset> datasets, PartyPolicy policy)
    {
        foreach (var (partner, grants) in policy.Partners.Where(entry => entry.Key != PolicyGrant.Any))
        {
            if (home.FindCard(partner) is null)
            {
                yield return $"no card of {partner} is pinned here, so that its grants mean nothing yet";
            }

            foreach (var name in grants.SelectMany(grant => grant.Datasets).Where(name => name != PolicyGrant.Any).Distinct())
            {
                if (datasets.All(dataset => dataset.Name != name))
                {
                    yield return $"there is no dataset {name}, which is granted to {partner}; see: psi dataset list";
                }
            }

            foreach (var (dataset, column) in grants.SelectMany(grant => datasets.Where(dataset => grant.Datasets.Contains(dataset.Name))
                .SelectMany(dataset => grant.Columns.GroupBy.Concat(grant.Columns.Measure).Concat(grant.Columns.Filter).Concat(grant.Columns.Never)
                    .Where(column => column != PolicyGrant.Any && dataset.Described.All(described => described.Name != column))
                    .Select(column => (dataset.Name, column)))).Distinct())
            {
                yield return $"the dataset {dataset} has no column {column} that can be asked about, which is named for {partner}";
            }
        }

        var named = policy.Never.Where(entry => entry.Key != PolicyGrant.Any).Select(entry => (Rule: "never", Dataset: entry.Key, Columns: entry.Value))
            .Concat(policy.Dominance.Select(entry => (Rule: "dominance", Dataset: entry.Key, entry.Value.Columns)))
            .Concat(policy.Noise.Select(entry => (Rule: "noise", Dataset: entry.Key, Columns: (IReadOnlyList<string>)[])));
        foreach (var (rule, name, columns) in named)
        {
            if (datasets.FirstOrDefault(dataset => dataset.Name == name) is not { } dataset)
            {
                yield return $"there is no dataset {name}, which \"{rule}\" names; see: psi dataset list";
            }
            else if (columns.FirstOrDefault(column => column != PolicyGrant.Any && dataset.Described.All(described => described.Name != column)) is { } column)
            {
                yield return $"the dataset {name} has no column {column} that can be asked about, which \"{rule}\" names";
            }
        }
    }

    private static Command Explain()
    {
        var question = new Argument<string>("QUESTION") { Description = "As for psi query" };
        var with = new Option<string>("--with") { Description = "The partner who would ask", Required = true, HelpName = "NAME" };
        var dataset = new Option<string?>("--dataset") { Description = "Own dataset (default: the only one)", HelpName = "NAME" };
        var command = new Command("explain", "Say what would become of a question, and of the session for it, and why") { question, with, dataset };
        return command.Do(async (parsed, _) =>
        {
            using var home = SessionCommands.OpenParty(parsed);
            using var store = new SqliteParticipantStore(home.StatePath);
            var own = new DatasetCatalog(home, store, TimeProvider.System).Resolve(parsed.GetValue(dataset));
            var (partner, policy) = (parsed.GetValue(with)!, PartyPolicy.Load(home));
            var grants = PolicyRules.GrantsAbout(policy, partner, own.Name);
            var approved = store.Read(ApprovedTerms.List).Any(terms => terms.Terms.Partner == partner && terms.Terms.Dataset == own.Name);
            Console.Out.WriteLine(grants.Count > 0 ? $"Sessions of {partner} about {own.Name}: granted, within the bounds that psi policy check lists."
                : approved ? $"Sessions of {partner} about {own.Name}: terms were approved by a person (psi approvals); others wait."
                : policy.Otherwise == Otherwise.Ask ? $"Sessions of {partner} about {own.Name}: each waits for a person."
                : $"Sessions of {partner} about {own.Name}: refused.");
            var asked = Query.Parse(parsed.GetValue(question)!);
            var uses = UsesOf(asked, own, home.Name);
            var minCell = own.MinCell ?? home.Config.MinCell;
            var unbound = QuestionRule.Unbound(asked, column => !IsOwn(own, home.Name, column), minCell) is { } loose ? $"{loose} (boundOnly)" : null;
            // By cell keys a question that uses nothing of this dataset has no noise.
            var noise = policy.Noise.GetValueOrDefault(own.Name) is { } stated && (uses.Count > 0 || stated.Law != NoiseKind.CellKey) ? stated : null;
            var hasAccount = noise is { Law: not NoiseKind.CellKey };
            var exact = noise is not null && NoiseRule.FaultOf(asked, column => IsOwn(own, home.Name, column), minCell, noise.Terms) is { } few
                ? $"what is said of {own.Name} has noise, and {few}" : null;
            foreach (var (grant, index) in grants.DefaultIfEmpty(PolicyGrant.Everything).Select((grant, index) => (grant, index)))
            {
                if (grants.Count > 1)
                {
                    Console.Out.WriteLine($"In a session that grant {index + 1} of {grants.Count} covers, in the order of the file:");
                }

                Write(policy, grant, own.Name, uses, exact ?? (grant.BoundOnly ? unbound : null), hasAccount);
                if (hasAccount)
                {
                    continue;
                }

                foreach (var line in await HistoryExplanation.OfAsync(home, store, own, partner, asked, grant, TimeProvider.System.GetUtcNow()))
                {
                    Console.Out.WriteLine(line);
                }
            }

            if (noise is not null)
            {
                Console.Out.WriteLine(NoiseLine(home, own.Name, noise));
            }
            else if (policy.Dominance.TryGetValue(own.Name, out var dominance) && HeldBy(dominance, asked, own, home.Name) is { Count: > 0 } held)
            {
                Console.Out.WriteLine($"What follows from sums of {string.Join(", ", held)} is withheld where few records may hold too much of one, by "
                    + $"{dominance.Text}; a weight of {partner}'s beside them is refused.");
            }
        });
    }

    /// <summary>What becomes of a question in a session under a grant.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="grant">The grant.</param>
    /// <param name="dataset">The own dataset.</param>
    /// <param name="uses">The own columns that the question uses.</param>
    /// <param name="refused">Why engine masked takes no such question; null where it does.</param>
    /// <param name="hasAccount">Whether it is answered with noise that costs of an account, and else by the exact rules.</param>
    private static void Write(
        PartyPolicy policy, PolicyGrant grant, string dataset, IReadOnlyList<(string Column, ColumnUse Use)> uses, string? refused, bool hasAccount)
    {
        Terminal.Table(["column of " + dataset, "used to", "allowed"], uses.Select(use => (IReadOnlyList<string>)
            [use.Column, WordOf(use.Use), PolicyRules.FaultOf(policy, grant.Columns, dataset, [use]) ?? "yes"]));
        Console.Out.WriteLine(PolicyRules.FaultOf(policy, grant.Columns, dataset, uses) is { } fault ? $"The question is refused: {fault}."
            : refused is not null ? $"The question is refused with engine masked: {refused}."
            : grant.AskQuestions ? "The question waits for a person."
            : hasAccount ? "The question is answered, within the bounds of a day and of the dataset's account."
            : "The question is answered, within the bounds of a day, if the minimum cell size lets it be.");
    }

    /// <summary>The own columns that a question calculates with and whose sums are held to rules of concentration.</summary>
    private static IReadOnlyList<string> HeldBy(PolicyDominance dominance, Query asked, Dataset own, string name) =>
        [.. UsesOf(asked, own, name).Where(use => use.Use == ColumnUse.Measure && dominance.IsAbout(use.Column)).Select(use => use.Column)];

    private static string NoiseLine(ParticipantHome home, string dataset, PolicyNoise noise) => noise.Law == NoiseKind.CellKey
        ? string.Create(CultureInfo.InvariantCulture, $"Counts about {dataset} have noise by cell keys, on top of all exact rules: variance "
            + $"{CellKeyRule.Variance(noise.Terms):0.####}, off by {NoiseRule.MostOff(noise.Terms)} or less in 95 of 100 cells and by "
            + $"{CellKeyRule.Deviation(noise.Terms)} at most, under a minimum cell size of {CellKeyRule.Deviation(noise.Terms) + 1} or more. It is not "
            + $"differential privacy and has no account: over many partitions it averages out.")
        : $"Counts about {dataset} have noise and are off by {NoiseRule.MostOff(noise.Terms)} or less in 95 of 100 cells; "
            + $"{noise.Standing(home.Path, dataset)}.";

    private static string WordOf(ColumnUse use) => use switch { ColumnUse.GroupBy => "make groups", ColumnUse.Measure => "calculate", _ => "filter" };

    /// <summary>How a question uses the own columns. Those that are not own are the partner's, and its own matter.</summary>
    private static IReadOnlyList<(string Column, ColumnUse Use)> UsesOf(Query query, Dataset own, string name) =>
    [
        .. PolicyRules.UsesOf(query).Where(use => IsOwn(own, name, use.Column)).Select(use => (NameOf(name, use.Column), use.Use)),
    ];

    private static bool IsOwn(Dataset own, string name, string column) => own.Described.Any(described => described.Name == NameOf(name, column));

    private static string NameOf(string party, string column) =>
        column.StartsWith(party + ".", StringComparison.Ordinal) ? column[(party.Length + 1)..] : column;

    public static Command Approvals() => new Command("approvals", "What partners ask for that waits for a person, and what was approved").Do((parsed, _) =>
        SessionCommands.WithStoreAsync(parsed, (_, store) =>
        {
            var (all, approved) = store.Read(state => (Approval.List(state), ApprovedTerms.List(state)));
            var waiting = all.Where(approval => approval.State == ApprovalState.Waiting && approval.DeadlineAt > TimeProvider.System.GetUtcNow()).ToArray();
            if (parsed.GetValue(PsiRootCommand.Json))
            {
                Terminal.Json(new ApprovalsView([.. waiting.Select(ViewOf)],
                    [.. approved.Select(terms => new ApprovedView(terms.Id, terms.Terms.Partner, WhatOf(terms.Terms), terms.At, terms.Reason))]),
                    OutputJson.Plain.ApprovalsView);
                return;
            }

            if (waiting.Length == 0)
            {
                Console.Out.WriteLine("Nothing waits for a person.");
            }
            else
            {
                Terminal.Table(["id", "partner", "asks for", "waits because", "until (UTC)"], waiting.Select(approval => (IReadOnlyList<string>)
                    [approval.Id[..8], approval.Partner, WhatOf(approval), approval.Why, approval.DeadlineAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm",
                        CultureInfo.InvariantCulture)]));
                Console.Out.WriteLine("psi approve ID, or psi deny ID --reason \"…\"");
            }

            if (approved.Count > 0)
            {
                Console.Out.WriteLine();
                Console.Out.WriteLine("Approved, so that the same terms do not ask again:");
                Terminal.Table(["id", "partner", "what", "since (UTC)"], approved.Select(terms => (IReadOnlyList<string>)
                    [terms.Id, terms.Terms.Partner, WhatOf(terms.Terms), terms.At.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)]));
                Console.Out.WriteLine("psi deny ID takes one back.");
            }
        }));

    public static Command Approve()
    {
        var id = new Argument<string>("ID") { Description = "Of psi approvals; its beginning is enough" };
        var once = new Option<bool>("--once") { Description = "For this time only: the same terms ask again" };
        var reason = Reason("Kept in the audit log");
        return new Command("approve", "Say yes to what a partner asks for") { id, once, reason }.Do((parsed, cancellation) =>
            DecideAsync(parsed, parsed.GetValue(id)!, approval =>
                new DecideApproval(approval.Session, approval.Id, true, parsed.GetValue(once), Checked(parsed.GetValue(reason))), cancellation));
    }

    public static Command Deny()
    {
        var id = new Argument<string>("ID") { Description = "Of psi approvals; its beginning is enough" };
        var reason = Reason("Told to the partner, and kept in the audit log");
        return new Command("deny", "Say no to what a partner asks for, or take back what was approved") { id, reason }.Do((parsed, cancellation) =>
        {
            var text = parsed.GetValue(id)!;
            return text.Contains('/', StringComparison.Ordinal) ? TakeBackAsync(parsed, text) : DecideAsync(parsed, text, approval =>
                new DecideApproval(approval.Session, approval.Id, false, Reason: Checked(parsed.GetValue(reason))), cancellation);
        });
    }

    private static Task TakeBackAsync(ParseResult parsed, string id) => SessionCommands.WithStoreAsync(parsed, (home, store) =>
    {
        var was = store.Write(state =>
        {
            var found = ApprovedTerms.Delete(state, id);
            if (found)
            {
                new AuditLog(home, TimeProvider.System).Append(state, "approval-taken-back", ("terms", id));
            }

            return found;
        });
        Console.Out.WriteLine(was ? $"{id} is taken back: the same terms wait for a person again."
            : throw new ParticipantException(FailureCodes.WrongState, $"nothing was approved under {id}; see: psi approvals"));
    });

    private static Task DecideAsync(ParseResult parsed, string text, Func<Approval, DecideApproval> decide, CancellationToken cancellation) =>
        SessionCommands.WithWorkerAsync(parsed, async (home, store, client) =>
        {
            // A session may be named too; a question may not, since its id is the partner's to choose.
            var found = store.Read(Approval.List).Where(approval => text.Length > 0 && (approval.Id.StartsWith(text, StringComparison.OrdinalIgnoreCase)
                || (approval.Query is null && approval.Session.StartsWith(text, StringComparison.OrdinalIgnoreCase)))).ToArray();
            var approval = found.Where(approval => approval.Id == text).ToArray() is [var named] ? named : found switch
            {
                [var one] => one,
                [] => throw new ParticipantException(FailureCodes.WrongState, $"nothing waits under {text} at {home.Name}; see: psi approvals"),
                _ => throw new ParticipantException(FailureCodes.WrongState, $"{found.Length} ids begin with {text}; write more of it"),
            };
            var decision = decide(approval);
            SessionCommands.Require(await client.SendAsync(approval.Session, decision, CommandPatience, cancellation));
            Console.Out.WriteLine($"{approval.Partner}: {WhatOf(approval)} is {(decision.Approve ? "approved" : "denied")}.");
        }, cancellation);

    private static Option<string?> Reason(string description) => new("--reason") { Description = description, HelpName = "TEXT" };

    private static string? Checked(string? reason) =>
        reason is not { Length: > 500 } ? reason : throw new UsageException("--reason takes 500 characters at most");

    private static ApprovalView ViewOf(Approval approval) => new(approval.Id, approval.Session, approval.Question is null ? "session" : "question",
        approval.Partner, WhatOf(approval), approval.Why, approval.AskedAt, approval.DeadlineAt, approval.State.ToString().ToLowerInvariant());

    private static string WhatOf(Approval approval) => approval.Terms is { } terms ? WhatOf(terms) : $"question: {approval.Question}";

    private static string WhatOf(SessionRequest terms) => string.Create(CultureInfo.InvariantCulture,
        $"session about {terms.Dataset}: {terms.Protocol}{(terms.Security == "malicious" ? ", malicious" : "")}{(terms.Reuse ? ", reused sets" : "")}, reveals "
            + $"{terms.Reveal}, questions by {terms.Engine} at {terms.Linker}, its set {terms.SetSize:N0}, minimum {terms.MinCell:N0}");

    private static string PathOf(ParticipantHome home) => Path.Combine(home.Path, PartyPolicy.FileName);
}
