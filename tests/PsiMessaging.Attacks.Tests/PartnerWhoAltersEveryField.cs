using System.Text.Json;
using System.Text.Json.Nodes;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Session;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>
/// A pinned partner sends every message there is with each of its fields left out, emptied, of another kind, swapped for another's value, far too long, and
/// twice, under its good signature and sealed to the session's key. The table is made from the contracts, so that a new message is in it
/// without being remembered.
/// </summary>
public class PartnerWhoAltersEveryField
{
    public static TheoryData<string> Messages => [.. MessageLimits.Messages.Select(message => message.Name).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Messages))]
    public async Task IsRefusedByName_OrChangesNothing_OrEndsTheSessionUnderACode(string name)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        await network.SendRowsAsync(session.Id);
        var before = (await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_REDDITO"))).Result!.Lines();
        await network.SettleAsync();
        foreach (var (from, to) in new[] { (network.P2, network.P1), (network.P1, network.Linker), (network.Linker, network.P1) })
        {
            foreach (var message in Altered(name, session))
            {
                network.Inject(to, FrameOf(from, to, session.Id, name, message));
            }

            // The header's own fields.
            foreach (var header in AlteredHeaders(from, to, session, name))
            {
                network.Inject(to, Envelope.Sign(from.Home, to.Name, JsonSerializer.SerializeToUtf8Bytes(header), []));
            }

            await to.CommandBarrierAsync();
        }

        foreach (var participant in new[] { network.P1, network.P2, network.Linker })
        {
            Assert.DoesNotContain(participant.Faults, fault => fault is not ReceiverBusyException);
            Assert.All(participant.Refused, reason => Assert.InRange(reason.Length, 10, 500));
            Assert.True(participant == network.P2 || participant.Refused.Count > 100, $"{participant.Name} refused {participant.Refused.Count}");
            await TestNetwork.EventuallyAsync(() => participant.Engine!.Store.Read(state => state.OpenSessions()).All(id =>
                id == session.Id || participant.Engine!.Store.Read(state => state.FindSession(id)) is not null));
        }

        // The session stands and gives the same answer as before, or has ended under a code of ours; and the party still does what its own people ask.
        var after = network.P1.Session()!;
        Assert.True(after.State == SessionState.Completed || FailureCodes.Known(after.FailureCode) == after.FailureCode, $"{after}");
        var answer = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_REDDITO"));
        Assert.True(answer.Ok || answer.Code is not (null or FailureCodes.Internal), answer.Message);
        Assert.Equal(before, answer.Ok ? answer.Result!.Lines() : before);
        Assert.Equal(Samples.Intersection, network.P1.Intersection(session.Id));
    }

    private static byte[] FrameOf(TestParticipant from, TestParticipant to, string session, string name, JsonNode message)
    {
        var header = HeaderOf(from, to, session, name, message);
        return Envelope.Sign(from.Home, to.Name, JsonSerializer.SerializeToUtf8Bytes(header), []);
    }

    private static JsonObject HeaderOf(TestParticipant from, TestParticipant to, string? session, string name, JsonNode message) => new()
    {
        ["type"] = "psi.v1." + name, ["session"] = session, ["from"] = from.Name, ["to"] = to.Name, ["card"] = from.Home.Card.Fingerprint,
        ["bodySize"] = 0, ["bodyHash"] = Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData([])), ["message"] = message.DeepClone(),
    };

    private static IEnumerable<JsonObject> AlteredHeaders(TestParticipant from, TestParticipant to, PartySession session, string name)
    {
        var sound = HeaderOf(from, to, session.Id, name, Sample(name, session));
        foreach (var field in sound.Select(member => member.Key).ToArray())
        {
            foreach (var value in Values(sound[field]))
            {
                var header = sound.DeepClone().AsObject();
                if (value is null)
                {
                    header.Remove(field);
                }
                else
                {
                    header[field] = value.DeepClone();
                }

                yield return header;
            }
        }
    }

    private static IEnumerable<JsonNode> Altered(string name, PartySession session)
    {
        var sound = Sample(name, session);
        yield return new JsonArray();
        yield return new JsonObject();
        foreach (var field in sound.Select(member => member.Key).ToArray())
        {
            foreach (var value in Values(sound[field]))
            {
                var altered = sound.DeepClone().AsObject();
                if (value is null)
                {
                    altered.Remove(field);
                }
                else
                {
                    altered[field] = value.DeepClone();
                }

                yield return altered;
            }

            foreach (var other in sound.Where(member => member.Key != field && member.Value is not null).Take(3))
            {
                var swapped = sound.DeepClone().AsObject();
                swapped[field] = other.Value!.DeepClone();
                swapped[other.Key] = sound[field]?.DeepClone();
                yield return swapped;
            }
        }

        yield return sound;
        yield return sound;
    }

    /// <summary>What a field is given in place of its value; null leaves it out.</summary>
    private static IEnumerable<JsonNode?> Values(JsonNode? value)
    {
        yield return null;
        yield return JsonValue.Create("");
        yield return JsonValue.Create(-1);
        yield return JsonValue.Create(long.MaxValue);
        yield return JsonValue.Create(true);
        yield return new JsonArray(new JsonObject());
        yield return new JsonArray([.. Enumerable.Range(0, 300).Select(i => (JsonNode?)JsonValue.Create(i))]);
        yield return JsonValue.Create(new string('x', 3000));
        yield return JsonValue.Create("../../etc\0\u001b[31m\ud83d\ude00");
        yield return value is JsonValue one && one.TryGetValue(out string? text) && text is { Length: > 2 }
            ? JsonValue.Create(text[..^1] + "!") : JsonValue.Create(0);
        yield return JsonValue.Create(Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData("noise"u8)));
    }

    /// <summary>The message's golden sample, of this session.</summary>
    private static JsonObject Sample(string name, PartySession session)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "Golden", $"psi.v1.{name}.json");
        var sample = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        foreach (var (field, value) in new (string, JsonNode)[]
        {
            ("sessionId", JsonValue.Create(session.Id)), ("transcript", JsonValue.Create(Convert.ToBase64String(session.Transcript))),
        })
        {
            if (sample.ContainsKey(field))
            {
                sample[field] = value;
            }
        }

        return sample;
    }
}
