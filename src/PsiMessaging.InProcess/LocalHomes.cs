using PsiMessaging.Participants.Identities;
using PsiMessaging.Party.Policy;

namespace PsiMessaging.InProcess;

/// <summary>Homes of two parties and a linker that know each other.</summary>
public static class LocalHomes
{
    private static readonly (string Name, ParticipantRole Role)[] Participants =
        [("P1", ParticipantRole.Party), ("P2", ParticipantRole.Party), ("LINKER", ParticipantRole.Linker)];

    /// <summary>Makes the homes of P1, P2 and LINKER, in this order, and pins each one's card at the others. The caller disposes of them.</summary>
    /// <param name="root">Folder in which each home becomes a folder of the participant's name.</param>
    /// <param name="configure">Completes a home's configuration, which has a name and a role.</param>
    /// <exception cref="IOException">A home cannot be written; none is left open.</exception>
    public static IReadOnlyList<ParticipantHome> Create(string root, Func<ParticipantConfig, ParticipantConfig> configure)
    {
        var homes = new List<ParticipantHome>();
        try
        {
            foreach (var (name, role) in Participants)
            {
                homes.Add(ParticipantHome.Create(Path.Combine(root, name), configure(new ParticipantConfig { Name = name, Role = role })));

                // All three are one person's.
                PartyPolicy.Open.Write(homes[^1].Path);
            }

            foreach (var home in homes)
            {
                foreach (var other in homes.Where(other => other != home))
                {
                    home.Pin(other.Card, replace: false);
                }
            }
        }
        catch
        {
            homes.ForEach(home => home.Dispose());
            throw;
        }

        return homes;
    }
}
