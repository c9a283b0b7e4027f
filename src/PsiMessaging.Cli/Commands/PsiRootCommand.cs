using System.CommandLine;
using System.CommandLine.Parsing;
using PsiMessaging.Cli.Output;
using PsiMessaging.Messaging;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.Cli.Commands;

/// <summary>The command tree of <c>psi</c>.</summary>
internal static class PsiRootCommand
{
    public static readonly Option<string?> Home = new("--home")
    {
        Description = "Folder with identity, configuration, state and data (default: PSI_HOME, or ~/.psi)", Recursive = true, HelpName = "DIR",
    };

    public static readonly Option<string?> Broker = new("--broker")
    {
        Description = "RabbitMQ, amqp[s]://user@host:port/vhost (default: PSI_BROKER, the home's psi.json, amqp://localhost)",
        Recursive = true, HelpName = "URL",
    };

    public static readonly Option<string?> BrokerCa = new("--broker-ca")
    {
        Description =
            "PEM file with the only certificate authorities that an amqps broker is believed by (default: PSI_BROKER_CA, the home's psi.json, the system's)",
        Recursive = true, HelpName = "FILE",
    };

    public static readonly Option<string?> BrokerCertificate = new("--broker-certificate")
    {
        Description = "PEM file with the own certificate for an amqps broker; without a password it is the login (default: PSI_BROKER_CERTIFICATE, psi.json)",
        Recursive = true, HelpName = "FILE",
    };

    public static readonly Option<string?> BrokerKey = new("--broker-key")
    {
        Description = "PEM file with that certificate's key, its owner's alone (default: PSI_BROKER_KEY, psi.json)",
        Recursive = true, HelpName = "FILE",
    };

    public static readonly Option<bool> Json = new("--json") { Description = "Print JSON for programs instead of text for people", Recursive = true };

    public static RootCommand Create()
    {
        var root = new RootCommand("psi: find the records two parties have in common, and count them, without either seeing the other's data.")
        {
            Home, Broker, BrokerCa, BrokerCertificate, BrokerKey, Json,
            SimulationCommands.Demo(), SimulationCommands.Simulate(),
            PairCommand.Create(), HomeCommands.Init(), HomeCommands.Card(), HomeCommands.Trust(), KeyCommands.Keys(), DatasetCommands.Create(),
            WorkerCommands.Party(), WorkerCommands.Linker(),
            SessionCommands.Intersect(), SessionCommands.Send(), SessionCommands.Query(), AnswerCommands.Answers(), AnswerCommands.Answer(),
            PublishCommand.Create(),
            SessionCommands.Sessions(), SessionCommands.Status(), SessionCommands.Cancel(),
            PolicyCommands.Policy(), PolicyCommands.Approvals(), PolicyCommands.Approve(), PolicyCommands.Deny(),
            AuditCommands.Create(), BenchCommand.Create(),
        };
        return root;
    }

    /// <summary>The path of a parsed command, for pointing at its help.</summary>
    public static string PathOf(CommandResult result)
    {
        var names = new Stack<string>();
        for (SymbolResult? node = result; node is CommandResult command && command.Command is not RootCommand; node = node.Parent)
        {
            names.Push(command.Command.Name);
        }

        return names.Count == 0 ? "" : string.Join(' ', names) + " ";
    }

    public static string HomeOf(ParseResult parsed) => WorkerSettings.HomePath(parsed.GetValue(Home));

    /// <summary>The files of certificates that the command line names.</summary>
    public static BrokerFiles FilesOf(ParseResult parsed) =>
        new(parsed.GetValue(BrokerCa), parsed.GetValue(BrokerCertificate), parsed.GetValue(BrokerKey));

    public static Option<string> Choice(string name, string description, string byDefault, params string[] values)
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => byDefault, HelpName = string.Join('|', values) };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !values.Contains(token.Value))
            {
                result.AddError($"{name} takes {string.Join(" or ", values)}, not {token.Value}");
            }
        });
        return option;
    }

    public static Option<int> Number(string name, string description, int byDefault, int least, int most)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => byDefault, HelpName = "N" };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && (!int.TryParse(token.Value, out var value) || value < least || value > most))
            {
                result.AddError($"{name} takes a whole number from {least} to {most}, not {token.Value}");
            }
        });
        return option;
    }

    /// <summary>A whole number that may be left out.</summary>
    public static Option<int?> OptionalNumber(string name, string description, int least, int most)
    {
        var option = new Option<int?>(name) { Description = description, HelpName = "N" };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && (!int.TryParse(token.Value, out var value) || value < least || value > most))
            {
                result.AddError($"{name} takes a whole number from {least} to {most}, not {token.Value}");
            }
        });
        return option;
    }

    public static Command Do(this Command command, Func<ParseResult, CancellationToken, Task> action)
    {
        // On another thread, because signals are heard only once the action has returned its task.
        command.SetAction((parsed, cancellation) => Terminal.RunAsync(() => Task.Run(() => action(parsed, cancellation), CancellationToken.None)));
        return command;
    }
}
