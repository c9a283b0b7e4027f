using Microsoft.Extensions.Logging;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker;

/// <summary>What every area of the linker's sessions needs of the linker.</summary>
/// <param name="Home">Own home.</param>
/// <param name="Services">State, the way out, audit log, clock.</param>
/// <param name="Log">Log.</param>
internal sealed record LinkerContext(ParticipantHome Home, TurnServices Services, ILogger Log)
{
    /// <summary>Where files are.</summary>
    public LinkerFolders Folders { get; } = new(Home);
}

/// <summary>What is wrong with something that a party sent.</summary>
/// <param name="Code">A failure code of the wire contract.</param>
/// <param name="Reason">One line for a person.</param>
internal sealed record Fault(string Code, string Reason);
