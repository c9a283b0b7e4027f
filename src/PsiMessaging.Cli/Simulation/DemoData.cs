using System.Text;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Files;

namespace PsiMessaging.Cli.Simulation;

/// <summary>
/// Made-up data in the shape of the prototype's sample: a statistics institute (age class, children) and a central bank (mortgage instalment, payer, income
/// class). The same rows at every run: the generator is seeded. Age and income hang together, so the table says something.
/// </summary>
internal static class DemoData
{
    public const int DefaultRows = 1000;
    private const double BankFactor = 3.479;
    private const double CommonShare = 0.73;

    private static readonly string[] Names =
    [
        "RALPH", "MASSIMO", "JOERI", "ROB", "DENNIS", "MATJAZ", "SAID", "JOE", "PETER", "ALBERT", "FABIO", "ABEL", "FABRIZIO", "STEVE", "JOHN", "CARL",
        "GIULIA", "CHIARA", "SOFIA", "ANNA", "ELENA", "NADIA", "INES", "MARTA", "LUCIA", "SARA", "IRENE", "ZOË", "JOSÉ", "BJÖRN", "SIOBHÁN", "ŁUKASZ",
    ];

    /// <summary>Writes <c>istat.csv</c> and <c>bi.csv</c>; returns their paths.</summary>
    public static (string P1, string P2) Write(string folder, int rows)
    {
        using var seed = SecretBytes.CopyOf(Encoding.UTF8.GetBytes("psi demo data, version 1"));
        using var random = new SeededStream(seed, "psi/demo"u8);
        var bankRows = (int)Math.Round(rows * BankFactor);
        var common = (int)Math.Round(rows * CommonShare);
        var people = rows + bankRows - common;
        var order = random.Permutation(people);

        var institute = Write(Path.Combine(folder, "istat.csv"), "IDKEY;CLASSE_ETA;NUMERO_FIGLI", Enumerable.Range(0, rows), order, (id, person) =>
        {
            var children = Age(person) switch { "< 20" => (92, 8), "20-28" => (70, 26), "29-35" => (35, 45), _ => (25, 45) };
            return $"{Name(person)};{Age(person)};{Pick(person, 7, children, "0", "1-2", ">2")}";
        });
        var bank = Write(Path.Combine(folder, "bi.csv"), "IDKEY;TIPO_RATA_MUTUO;PAGATORE_RATA_MUTUO;CLASSE_REDDITO",
            Enumerable.Range(rows - common, bankRows), order, (id, person) =>
        {
            var income = Pick(person, 11, Age(person) switch { "< 20" => (85, 13), "20-28" => (55, 35), "29-35" => (25, 50), _ => (20, 45) },
                "BASSA", "MEDIA", "ALTA");
            var instalment = Pick(person, 13, income switch { "BASSA" => (65, 28), "MEDIA" => (25, 55), _ => (10, 35) }, "BASSA", "MEDIA", "ALTA");
            return $"{Name(person)};{instalment};{Pick(person, 17, (60, 40), "SI", "NO", "NO")};{income}";
        });
        return (institute, bank);
    }

    private static string Write(string path, string header, IEnumerable<int> positions, int[] order, Func<int, int, string> row)
    {
        AtomicFile.Write(path, stream =>
        {
            using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true);
            writer.NewLine = "\n";
            writer.WriteLine(header);

            // File order tells nothing about who is common.
            foreach (var position in positions.OrderBy(position => Mix(order[position], 3)))
            {
                writer.WriteLine(row(position, order[position]));
            }
        });
        return path;
    }

    private static string Name(int person) => $"{Names[Mix(person, 1) % (uint)Names.Length]}-{person:D7}";

    private static string Age(int person) => (Mix(person, 5) % 100) switch { < 12 => "< 20", < 42 => "20-28", < 70 => "29-35", _ => "> 35" };

    private static string Pick(int person, uint salt, (int First, int Second) percent, params string[] values)
    {
        var roll = (int)(Mix(person, salt) % 100);
        return values[roll < percent.First ? 0 : roll < percent.First + percent.Second ? 1 : 2];
    }

    /// <summary>A reproducible scatter of a person's number; for demo data only.</summary>
    private static uint Mix(int person, uint salt)
    {
        unchecked
        {
            var x = ((uint)person * 0x9E3779B1u) ^ (salt * 0x85EBCA6Bu);
            x = (x ^ (x >> 16)) * 0x7FEB352Du;
            x = (x ^ (x >> 15)) * 0x846CA68Bu;
            return x ^ (x >> 16);
        }
    }
}
