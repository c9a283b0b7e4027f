using System.CommandLine;
using PsiMessaging.Cli.Output;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Sessions.Engine;

namespace PsiMessaging.Cli.Commands;

/// <summary>Options that say how a file and its identifiers are read; the same wherever a file is named.</summary>
internal sealed class InputOptions
{
    public Option<string> Key { get; } = new("--key") { Description = "Column that identifies a record; several with commas for a composite key", Required = true, HelpName = "COLUMN[,COLUMN2]" };

    public Option<string?> Delimiter { get; } = new("--delimiter") { Description = "CSV delimiter: ; , | or tab (default: found from the header)", HelpName = "C" };

    public Option<string?> Encoding { get; } = new("--encoding") { Description = "CSV encoding, for example iso-8859-1 (default: UTF-8)", HelpName = "NAME" };

    public Option<string> Duplicates { get; } = PsiRootCommand.Choice("--duplicates", "Records that repeat an identifier: refuse the dataset, or take the first of each", "reject", "reject", "first");

    public Option<string> Case { get; } = PsiRootCommand.Choice("--case", "Whether upper and lower case in identifiers differ (keep) or are one (fold)", "keep", "keep", "fold");

    public Option<string> Texts { get; } = PsiRootCommand.Choice("--texts", "Whether texts of other columns that look alike are one value (normal: blanks, Unicode forms, invisible signs) or every text is its own (exact); the same at both parties", "normal", "normal", "exact");

    public Option<string> MissingIdentifiers { get; } = PsiRootCommand.Choice("--missing-identifiers", "Whether NA, NULL, #N/A and the like in key columns stand for missing identifiers (words), or only an empty field does (empty)", "words", "words", "empty");

    public Option<bool> WholeIdentifiers { get; } = new("--whole-identifiers") { Description = "Read 100234.0 in key columns as 100234: for files of programs that took the identifiers for numbers" };

    public Option<string[]> Type { get; } = new("--type") { Description = "Type of a column: text, integer(DIGITS) or decimal(DIGITS,DECIMALS); repeatable (default: found from the values)", HelpName = "COLUMN=TYPE", AllowMultipleArgumentsPerToken = false };

    /// <summary>The types a person has set, by column.</summary>
    public Dictionary<string, ColumnType> TypesOf(ParseResult parsed)
    {
        var types = new Dictionary<string, ColumnType>(StringComparer.Ordinal);
        foreach (var text in parsed.GetValue(Type) ?? [])
        {
            var parts = text.Split('=', 2);
            if (parts.Length != 2 || ColumnType.TryParse(parts[1]) is not { } type || !types.TryAdd(parts[0], type))
            {
                throw new UsageException($"--type {text} cannot be read; write for example --type AGE=integer(3), --type INCOME=decimal(11,2) or --type CODE=text, each column once");
            }
        }

        return types;
    }

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { Key, Delimiter, Encoding, Duplicates, Case, Texts, MissingIdentifiers, WholeIdentifiers, Type })
        {
            command.Add(option);
        }
    }

    public string[] KeyOf(ParseResult parsed)
    {
        var key = parsed.GetValue(Key)!.Split(',', StringSplitOptions.TrimEntries);
        return key.Any(name => name.Length == 0) ? throw new UsageException("--key names an empty column; write --key IDKEY or --key SURNAME,BIRTHDATE") : key;
    }

    public RecordReaderOptions ReadingOf(ParseResult parsed) => new(parsed.GetValue(Delimiter) switch
    {
        null => null,
        "tab" or "\\t" or "\t" => '\t',
        { Length: 1 } one => one[0] is ';' or ',' or '|' ? one[0] : throw new UsageException("--delimiter takes one of ; , | or tab"),
        _ => throw new UsageException("--delimiter takes one of ; , | or tab"),
    }, parsed.GetValue(Encoding));

    public DuplicateRule DuplicatesOf(ParseResult parsed) => parsed.GetValue(Duplicates) == "first" ? DuplicateRule.First : DuplicateRule.Reject;

    public bool FoldOf(ParseResult parsed) => parsed.GetValue(Case) == "fold";

    public TextRule TextsOf(ParseResult parsed) => parsed.GetValue(Texts) == "exact" ? TextRule.Exact : TextRule.Normal;

    public bool MissingWordsOf(ParseResult parsed) => parsed.GetValue(MissingIdentifiers) == "words";
}

/// <summary>Options of a session; the same for a simulation and for real.</summary>
internal sealed class SessionOptions
{
    public Option<string> Protocol { get; } = PsiRootCommand.Choice("--protocol", "PSI protocol; auto takes the quickest that both parties allow for their sizes", "auto", "auto", "ecdh", "rsa", "vole");

    public Option<string> Security { get; } = PsiRootCommand.Choice("--security", "Protocol vole: add further checks against parties that do not follow it (malicious; not reviewed)", "semi-honest", "semi-honest", "malicious");

    public Option<string> Reveal { get; } = new("--reveal")
    {
        Description = "Who learns the result: both parties, one of them, or both the size alone", DefaultValueFactory = _ => "both", HelpName = "both|p1|p2|size",
    };

    public Option<bool> Reuse { get; } = new("--reuse") { Description = "Protocol rsa, one receiver: take the sender's reusable set (see: psi dataset prepare)" };

    public Option<string> Engine { get; } = PsiRootCommand.Choice("--engine", "What the linker computes with: masked matrices (it learns sizes only) or encrypted tokens (counts only)", "masked", "masked", "tokens");

    public Option<int> RsaBits { get; } = new("--rsa-bits") { Description = "Protocol rsa: modulus in bits, 2048 to 8192", DefaultValueFactory = _ => 3072, HelpName = "N" };

    public Option<int?> MinCell { get; } = PsiRootCommand.OptionalNumber("--min-cell", "Fewest records anything is said about; the stricter of this and of what both parties' datasets and homes set holds (default 10)", 1, ParticipantConfig.MostMinCell);

    public SessionOptions() => RsaBits.Validators.Add(result =>
    {
        if (result.Tokens is [var token] && (!int.TryParse(token.Value, out var bits) || !Cryptography.BlindRsa.RsaPublicKey.IsAllowedLength(bits)))
        {
            result.AddError($"--rsa-bits takes 2048 to 8192, a multiple of 256, not {token.Value}");
        }
    });

    /// <summary>Who learns the result, as it travels. p1 is who opens the session, p2 who is asked, unless these are names of the parties; a name says it plainly.</summary>
    public string RevealOf(ParseResult parsed, string initiator, string responder, string? protocol = null)
    {
        var text = parsed.GetValue(Reveal)!;
        bool Is(string other) => string.Equals(text, other, StringComparison.OrdinalIgnoreCase);
        var reveal = Is(initiator) ? SessionRules.Initiator : Is(responder) ? SessionRules.Responder
            : Is("both") ? SessionRules.Both : Is("size") ? SessionRules.Size : Is("p1") ? SessionRules.Initiator : Is("p2") ? SessionRules.Responder
            : throw new UsageException($"--reveal takes both, p1, p2, size or a party's name, not {text}");
        var chosen = protocol ?? parsed.GetValue(Protocol)!;
        return (SessionRules.FaultOf(chosen, reveal, parsed.GetValue(Reuse)) ?? SessionRules.FaultOfSecurity(chosen, SecurityOf(parsed))) is { } fault ? throw new UsageException(fault) : reveal;
    }

    /// <summary>Security as it travels.</summary>
    public string? SecurityOf(ParseResult parsed) => parsed.GetValue(Security) == SessionRules.Malicious ? SessionRules.Malicious : null;

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { Protocol, Security, Reveal, Reuse, Engine, RsaBits, MinCell })
        {
            command.Add(option);
        }
    }
}
