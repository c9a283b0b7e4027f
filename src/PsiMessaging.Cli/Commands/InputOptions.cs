using System.CommandLine;
using System.Globalization;
using PsiMessaging.Cli.Output;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Protocols;

namespace PsiMessaging.Cli.Commands;

/// <summary>Options that say how a file and its identifiers are read; the same wherever a file is named.</summary>
internal sealed class InputOptions
{
    public Option<string?> Key { get; }

    public Option<string?> Delimiter { get; }

    public Option<string?> Encoding { get; }

    public Option<string?> Decimal { get; }

    public Option<string?> Thousands { get; }

    public Option<string?> Missing { get; }

    public Option<int?> Skip { get; }

    public Option<string?> Columns { get; }

    public Option<string[]> Type { get; }

    public Option<string> Duplicates { get; } = PsiRootCommand.Choice("--duplicates",
        "Records that repeat an identifier: refuse the dataset, or take the first of each", "reject", "reject", "first");

    public Option<string> Case { get; } = PsiRootCommand.Choice("--case",
        "Whether upper and lower case in identifiers differ (keep) or are one (fold)", "keep", "keep", "fold");

    public Option<string> Texts { get; } = PsiRootCommand.Choice("--texts",
        "Whether texts of other columns that look alike are one value (normal: blanks, Unicode forms, invisible signs) or every text is its own (exact); the "
            + "same at both parties",
        "normal", "normal", "exact");

    public Option<string> MissingIdentifiers { get; } = PsiRootCommand.Choice("--missing-identifiers",
        "Whether NA, NULL, #N/A and the like in key columns stand for missing identifiers (words), or only an empty field does (empty)",
        "words", "words", "empty");

    public Option<bool> WholeIdentifiers { get; } =
        new("--whole-identifiers") { Description = "Read 100234.0 in key columns as 100234: for files of programs that took the identifiers for numbers" };

    private readonly InputOptions? _common;

    /// <param name="party">
    /// Options of one file among several begin with this, <c>p1-</c>, and go before the common ones; they are not listed in the help.
    /// </param>
    /// <param name="common">The common ones.</param>
    public InputOptions(string party = "", InputOptions? common = null)
    {
        var hidden = common is not null;
        _common = common;
        Option<string?> Text(string name, string help, string description) =>
            new($"--{party}{name}") { Description = description, HelpName = help, Hidden = hidden };
        Key = Text("key", "COLUMN[,COLUMN2]",
            "Column that identifies a record; several with commas for a composite key; a name that holds a comma in double quotes");
        Delimiter = Text("delimiter", "C", "CSV delimiter: ; , | : tab, blank or \\x01 (default: found from the header)");
        Encoding = Text("encoding", "NAME", "CSV encoding, for example windows-1252 (default: UTF-8, or UTF-16 where the file shows it)");
        Decimal = Text("decimal", "SIGN", "Decimal sign of numbers: . or , (default: the point, or the comma where the values leave no doubt)");
        Thousands = Text("thousands", "SIGN", "Sign between thousands: . , blank or apostrophe (default: none, or the one the values show beyond doubt)");
        Missing = Text("missing", "WORD[,WORD2]",
            "Words that mean a missing value, in all columns (default: in columns of numbers the usual ones: NA, NULL, NaN, . and so on)");
        Skip = PsiRootCommand.OptionalNumber($"--{party}skip", "Lines before the header", 0, 1_000_000);
        Skip.Hidden = hidden;
        Columns = Text("columns", "COLUMN[,COLUMN2]", "Columns to take beside the key (default: all that can be used)");
        Type = new Option<string[]>($"--{party}type")
        {
            Description = "Type of a column: text, integer(DIGITS) or decimal(DIGITS,DECIMALS); repeatable (default: found from the values)",
            HelpName = "COLUMN=TYPE",
            AllowMultipleArgumentsPerToken = false,
            Hidden = hidden
        };
    }

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { Key, Columns, Type, Delimiter, Encoding, Decimal, Thousands, Missing, Skip }.Concat(_common is null ? [Duplicates,
            Case, Texts, MissingIdentifiers, WholeIdentifiers] : Array.Empty<Option>()))
        {
            command.Add(option);
        }

        if (_common is null)
        {
            // With files of several parties a key can be said for each; which is missing shows later.
            Key.Required = !command.Options.Any(option => option.Name == "--p1");
        }
    }

    /// <summary>The types a person has set for this file alone, by column.</summary>
    public Dictionary<string, ColumnType> TypesOf(ParseResult parsed)
    {
        var types = new Dictionary<string, ColumnType>(StringComparer.Ordinal);
        foreach (var text in parsed.GetValue(Type) ?? [])
        {
            // A name may hold an equals sign; a type does not.
            var at = text.LastIndexOf('=');
            if (at < 1 || ColumnType.TryParse(text[(at + 1)..]) is not { } type || !types.TryAdd(Unquoted(text[..at]), type))
            {
                throw new UsageException(
                    $"{Type.Name} {text} cannot be read; write for example --type AGE=integer(3), --type INCOME=decimal(11,2) or --type "
                        + "CODE=text, each column once");
            }
        }

        return types;
    }

    public string[] KeyOf(ParseResult parsed)
    {
        var key = Names(Own(parsed, options => options.Key)
            ?? throw new UsageException(
                    $"--key is missing: name the column that identifies a record{(_common is null ? "" : $", or {Key.Name} for this file")}"),
                "--key");
        return key.Length == 0
            || key.Any(name => name.Length == 0) ? throw new UsageException("--key names an empty column; write --key IDKEY or --key SURNAME,BIRTHDATE") : key;
    }

    public RecordReaderOptions ReadingOf(ParseResult parsed)
    {
        var (@decimal, thousands) = (SignOf(parsed, options => options.Decimal, ".,"), SignOf(parsed, options => options.Thousands, "., '"));
        if (@decimal is not null && @decimal == thousands)
        {
            throw new UsageException($"--decimal and --thousands cannot both be {@decimal}");
        }

        return new RecordReaderOptions(DelimiterOf(Own(parsed, options => options.Delimiter)), Own(parsed, options => options.Encoding),
            @decimal, thousands, parsed.GetValue(Skip) ?? (_common is null ? null : parsed.GetValue(_common.Skip)) ?? 0)
        {
            Missing = Own(parsed, options => options.Missing) is { } words ? Names(words, "--missing") : [],
            Columns = Own(parsed, options => options.Columns) is { } columns ? Names(columns, "--columns") : null,
            OtherFileHasRest = _common is not null && parsed.GetValue(Columns) is null,
        };
    }

    private string? Own(ParseResult parsed, Func<InputOptions, Option<string?>> option) =>
        parsed.GetValue(option(this)) ?? (_common is null ? null : parsed.GetValue(option(_common)));

    private static char? DelimiterOf(string? text) => text switch
    {
        null => null,
        "tab" or "\\t" => '\t',
        "blank" or "space" => ' ',
        ['\\', 'x', _, _] when byte.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
            && code is > 0 and < 127 and not (10 or 13 or 34) => (char)code,
        [';' or ',' or '|' or ':' or '\t' or ' ' or '~' or '^' or '#' or (> '\0' and < '\n')] => text[0],
        _ => throw new UsageException("--delimiter takes one of ; , | : ~ ^ # or tab, blank, or a character's code such as \\x01"),
    };

    private char? SignOf(ParseResult parsed, Func<InputOptions, Option<string?>> option, string signs) => Own(parsed, option) switch
    {
        null => null,
        "comma" => ',',
        "point" => '.',
        "blank" or "space" or "\u00A0" or "\u202F" when signs.Contains(' ', StringComparison.Ordinal) => ' ',
        "apostrophe" or "\u2019" when signs.Contains('\'', StringComparison.Ordinal) => '\'',
        [var sign] when signs.Contains(sign, StringComparison.Ordinal) => sign,
        _ => throw new UsageException($"{(parsed.GetValue(option(this)) is null ? option(_common!) : option(this)).Name} takes "
            + $"{(signs.Length == 2 ? ". or ," : "one of . , blank apostrophe")}"),
    };

    /// <summary>A list with commas; an entry in double quotes may hold commas, and doubled quotes for a quote.</summary>
    private static string[] Names(string text, string option)
    {
        var (names, at) = (new List<string>(), 0);
        while (true)
        {
            while (at < text.Length && text[at] == ' ')
            {
                at++;
            }

            var (end, isQuoted) = (at, at < text.Length && text[at] == '"');
            if (isQuoted)
            {
                for (end++; end < text.Length && (text[end] != '"' || (end + 1 < text.Length && text[end + 1] == '"')); end += text[end] == '"' ? 2 : 1)
                {
                }

                end++;
            }

            var comma = end > text.Length ? -1 : text.IndexOf(',', end);
            var entry = text[at..(comma < 0 ? text.Length : comma)].Trim();
            if (isQuoted && (end > text.Length || text[end..(comma < 0 ? text.Length : comma)].Trim().Length > 0))
            {
                throw new UsageException($"{option} {text} cannot be read: a double quote is not closed, or something follows it");
            }

            names.Add(Unquoted(entry));
            if (comma < 0)
            {
                return [.. names];
            }

            at = comma + 1;
        }
    }

    private static string Unquoted(string name) => name is ['"', .., '"'] ? name[1..^1].Replace("\"\"", "\"", StringComparison.Ordinal) : name;

    public DuplicateRule DuplicatesOf(ParseResult parsed) => parsed.GetValue(Duplicates) == "first" ? DuplicateRule.First : DuplicateRule.Reject;

    public bool FoldOf(ParseResult parsed) => parsed.GetValue(Case) == "fold";

    public TextRule TextsOf(ParseResult parsed) => parsed.GetValue(Texts) == "exact" ? TextRule.Exact : TextRule.Normal;

    public bool MissingWordsOf(ParseResult parsed) => parsed.GetValue(MissingIdentifiers) == "words";
}

/// <summary>Options of a session; the same for a simulation and for real.</summary>
internal sealed class SessionOptions
{
    private const string SemiHonest = "semi-honest";

    /// <summary>Who learns the result as a person says it: the parties have no sides there, but are the first and the second.</summary>
    private static readonly string[] RevealNames = [WireNames.NameOf(RevealTo.Both), "p1", "p2", WireNames.NameOf(RevealTo.Size)];

    public Option<string> Protocol { get; } = PsiRootCommand.Choice("--protocol",
        "PSI protocol; auto takes the quickest that both parties allow for their sizes", PsiProtocols.Auto, [PsiProtocols.Auto, .. PsiProtocols.Names]);

    public Option<string> Security { get; } = PsiRootCommand.Choice("--security",
        "Protocol vole: add further checks against parties that do not follow it (malicious; not reviewed)",
        SemiHonest, SemiHonest, WireNames.NameOf(SecurityModel.Malicious)!);

    public Option<string> Reveal { get; } = new("--reveal")
    {
        Description = "Who learns the result: both parties, one of them, or both the size alone",
        DefaultValueFactory = _ => WireNames.NameOf(RevealTo.Both), HelpName = string.Join('|', RevealNames),
    };

    public Option<bool> Reuse { get; } =
        new("--reuse") { Description = "Protocol rsa, one receiver: take the sender's reusable set (see: psi dataset prepare)" };

    public Option<string> Engine { get; } = PsiRootCommand.Choice("--engine",
        "What the linker computes with: masked matrices (it learns sizes only) or encrypted tokens (counts only)",
        WireNames.NameOf(QueryEngine.Masked), [.. WireNames.Engines]);

    public Option<int> RsaBits { get; } =
        new("--rsa-bits") { Description = "Protocol rsa: modulus in bits, 2048 to 8192", DefaultValueFactory = _ => 3072, HelpName = "N" };

    public Option<int?> MinCell { get; } = PsiRootCommand.OptionalNumber("--min-cell",
        "Fewest records anything is said about; the stricter of this and of what both parties' datasets and homes set holds (default 10)",
        1, ParticipantConfig.MostMinCell);

    public SessionOptions() => RsaBits.Validators.Add(result =>
    {
        if (result.Tokens is [var token] && (!int.TryParse(token.Value, out var bits) || !Cryptography.BlindRsa.RsaPublicKey.IsAllowedLength(bits)))
        {
            result.AddError($"--rsa-bits takes 2048 to 8192, a multiple of 256, not {token.Value}");
        }
    });

    /// <summary>Who learns the result. p1 is who opens the session, p2 who is asked, unless these are names of the parties; a name says it plainly.</summary>
    public RevealTo RevealOf(ParseResult parsed, string initiator, string responder, PsiProtocol? protocol = null)
    {
        var text = parsed.GetValue(Reveal)!;
        bool Is(string other) => string.Equals(text, other, StringComparison.OrdinalIgnoreCase);
        var reveal = Is(initiator) ? RevealTo.Initiator : Is(responder) ? RevealTo.Responder
            : Is(RevealNames[0]) ? RevealTo.Both
            : Is(RevealNames[1]) ? RevealTo.Initiator
            : Is(RevealNames[2]) ? RevealTo.Responder
            : Is(RevealNames[3]) ? RevealTo.Size
            : throw new UsageException($"--reveal takes both, p1, p2, size or a party's name, not {text}");
        return PsiProtocols.FaultOf(protocol ?? PsiProtocols.Find(parsed.GetValue(Protocol)), reveal, parsed.GetValue(Reuse), SecurityOf(parsed)) is { } fault
            ? throw new UsageException(fault) : reveal;
    }

    /// <summary>Which checks run.</summary>
    public SecurityModel SecurityOf(ParseResult parsed) =>
        WireNames.TryParse(parsed.GetValue(Security), out SecurityModel security) ? security : SecurityModel.SemiHonest;

    /// <summary>What the linker computes with.</summary>
    public QueryEngine EngineOf(ParseResult parsed) =>
        WireNames.TryParse(parsed.GetValue(Engine), out QueryEngine engine)
            ? engine : throw new UsageException($"--engine takes {string.Join(" or ", WireNames.Engines)}");

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { Protocol, Security, Reveal, Reuse, Engine, RsaBits, MinCell })
        {
            command.Add(option);
        }
    }
}
