using PsiMessaging.Cli.Output;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Protocols;

namespace PsiMessaging.Cli.Simulation;

/// <summary>What <c>psi demo</c> tells a stranger.</summary>
internal static class DemoNarrative
{
    public static void Begin(string p1, string p2, SimulationRequest request)
    {
        Console.Out.WriteLine("Two institutes hold records about overlapping people and may not show them to each other:");
        Console.Out.WriteLine($"  P1, a statistics institute: {Columns(p1)}");
        Console.Out.WriteLine($"  P2, a central bank: {Columns(p2)}");
        Console.Out.WriteLine(request.Reveal switch
        {
            RevealTo.Both => "A neutral linker will count the people they have in common.",
            RevealTo.Size => "They will find out how many people they have in common, and not which.",
            _ => $"{(request.Reveal == RevealTo.Initiator ? "P1" : "P2")} will find out which people they have in common; the other will not.",
        });
        Console.Out.WriteLine(request.Broker is not null
            ? "All three run in this process and talk through RabbitMQ."
            : "All three run in this process and talk by messages in memory (--broker takes RabbitMQ).");
        Console.Out.WriteLine();
    }

    public static void End(SimulationOutcome outcome, SimulationRequest request)
    {
        var report = outcome.Report;
        var (p1, p2) = (report.Parties["P1"], report.Parties["P2"]);
        Console.Out.WriteLine($"P1 has {p1.Rows:N0} records and P2 {p2.Rows:N0}. They have {report.Intersection:N0} in common{WhoKnows(request.Reveal)}.");
        foreach (var answer in outcome.Queries.OfType<PsiMessaging.Party.Questions.QueryResult>())
        {
            Console.Out.WriteLine();
            Console.Out.WriteLine($"P1 asked, over the columns of both: {answer.Text}");
            QueryOutput.Table(answer);
        }

        Engines(outcome, report.Engine);

        Console.Out.WriteLine();
        Console.Out.WriteLine("Who learned what");
        Terminal.Table(["who", "learned", "did not learn"],
        [
            Party("P1", "P2", request.Reveal, RevealTo.Initiator, report, p2.Distinct, report.Queries.Count > 0 ? "; the table" : ""),
            Party("P2", "P1", request.Reveal, RevealTo.Responder, report, p1.Distinct, report.Queries.Count > 0
                ? "; that P1 asked, and "
                    + $"what{(request.MinCell > 1 && report.Engine == QueryEngine.Masked ? "; how large P1's groups are, without their labels" : "")}"
                : ""),
            request.Reveal == RevealTo.Both
                ? report.Engine == QueryEngine.Masked
                    ? ["Linker", "how many rows, and how many columns and groups each question has (engine masked)",
                        "any identifier, value, label, count or question; what of the answer is shown"]
                    : ["Linker", "how many rows and columns; which rows hold equal (encrypted) values in a column; the counts",
                        "any identifier, value or column name"]
                : ["Linker", "nothing: it had no part", "anything"],
            ["Broker", "names of queues, times, sizes in steps: every message is sealed to its receiver", "anything else"],
        ]);
        if (report.Engine == QueryEngine.Masked && report.Queries.Count > 0)
        {
            Console.Out.WriteLine(request.MinCell > 1
                ? $"The linker and P2 keep the minimum of {request.MinCell} together, and a worker of P1's that somebody has changed is held to it in tables "
                    + "like this. In questions that calculate with numbers of P1's own it could read single values. docs/disclosure.md says what is stopped."
                : "All this holds for workers that follow the protocol. A worker of P1's that somebody has changed could read single values of the columns "
                    + "it asks about. docs/disclosure.md says what is stopped and what is not.");
        }

        Console.Out.WriteLine();
        Console.Out.WriteLine("How long and how much");
        Terminal.Table(["phase", "seconds"], report.Phases.Select(phase => (IReadOnlyList<string>)[phase.Name, phase.Seconds.ToString("0.00")]), 1);
        Terminal.Table(["from -> to", "bytes"],
            report.Bytes.Select(edge => (IReadOnlyList<string>)[edge.Key.Replace("->", " -> ", StringComparison.Ordinal), edge.Value.ToString("N0")]), 1);
        Console.Out.WriteLine(
            $"Protocol {report.ProtocolText}{(PsiProtocols.Find(report.Protocol) is { HasRsaKeys: true } ? $" ({request.RsaBits} bits)" : "")}"
                + $"{(request.Security == SecurityModel.SemiHonest ? "" : ", malicious variant (not reviewed)")}, engine {WireNames.NameOf(report.Engine)}, "
                + $"{Seconds(report.TotalSeconds)} in all, {report.PeakMemoryBytes / 1048576.0:N0} MiB at most.");
        Console.Out.WriteLine(request.OutputFolder is { } folder
            ? $"Results in {folder}"
            : "Your own files: psi simulate --p1 A.csv --p2 B.csv --key ID --query \"COLUMN, COLUMN\" --out DIR");
    }

    private static void Engines(SimulationOutcome outcome, QueryEngine engine)
    {
        if (outcome.Other is { } other && outcome.Queries.Count > 0)
        {
            Console.Out.WriteLine();
            Console.Out.WriteLine(other.Agrees(outcome.Queries)
                ? $"Asked once more in a session with engine {WireNames.NameOf(other.Engine)}: both engines "
                    + $"agree{(other.Answers.Contains(null) ? " wherever both can answer" : "")}."
                : $"Asked once more in a session with engine {WireNames.NameOf(other.Engine)}: THE ENGINES DISAGREE. Please report this.");
            foreach (var refusal in other.Refusals.OfType<string>())
            {
                Console.Out.WriteLine($"  {refusal}");
            }
        }

        foreach (var (seen, lines) in outcome.LinkerSaw.OrderBy(entry => entry.Key != engine))
        {
            if (lines.Count > 0)
            {
                Console.Out.WriteLine();
                Console.Out.WriteLine($"What the linker saw with engine {WireNames.NameOf(seen)}");
                foreach (var line in lines)
                {
                    Console.Out.WriteLine($"  {line}");
                }
            }
        }
    }

    /// <summary>Who has learned the result, as the end of a sentence.</summary>
    public static string WhoKnows(RevealTo reveal) => reveal switch
    {
        RevealTo.Both => "; both now hold that list, and of the other only its size",
        RevealTo.Initiator => "; P1 alone holds that list, P2 does not even know how many",
        RevealTo.Responder => "; P2 alone holds that list, P1 does not even know how many",
        _ => "; both know that number, and neither knows which",
    };

    private static IReadOnlyList<string> Party(string name, string other, RevealTo reveal,
        RevealTo role, SimulationReport report, int othersSize, string more) =>
    [
        name,
        (reveal == RevealTo.Both || reveal == role ? $"which {report.Intersection:N0} of its people {other} has too; "
            : reveal == RevealTo.Size ? $"that {report.Intersection:N0} of its people {other} has too; "
            : "")
            + $"that {other} has {othersSize:N0}, and what nearly all look like (alphabet, case, length){more}",
        (reveal == RevealTo.Both || reveal == role ? $"anything about {other}'s other people"
            : reveal == RevealTo.Size ? "which ones"
            : $"whether {other} has any of its people") + $"; any single record of {other}",
    ];

    public static string Seconds(double seconds) => seconds < 10 ? $"{seconds:0.00} s" : $"{seconds:0.0} s";

    private static string Columns(string path)
    {
        using var reader = File.OpenText(path);
        return reader.ReadLine()!.Replace(";", ", ", StringComparison.Ordinal);
    }
}
