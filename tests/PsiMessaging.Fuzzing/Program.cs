using System.Diagnostics;
using PsiMessaging.Fuzzing;

// psi-fuzz TARGET SECONDS CORPUS [SEED]: see tests/fuzz, which instruments the assemblies first.
if (args.Length is not (3 or 4) || FuzzTarget.All.FirstOrDefault(known => known.Name == args[0]) is not { } target || !int.TryParse(args[1], out var seconds)
    || !int.TryParse(args.ElementAtOrDefault(3) ?? "1", out var seed))
{
    var targets = string.Join(", ", FuzzTarget.All.Select(known => known.Name));
    Console.Error.WriteLine($"usage: PsiMessaging.Fuzzing TARGET SECONDS CORPUS [SEED]; targets: {targets}");
    return 2;
}

var folder = Directory.CreateDirectory(Path.Combine(args[2], target.Name)).FullName;
var last = Path.Combine(Path.GetTempPath(), $"psi-fuzz-last-{target.Name}");
using var stream = new FileStream(last, FileMode.Create);
var fuzzer = new Fuzzer(target, seed, input =>
{
    // What ends the process is still there for whoever looks.
    stream.SetLength(input.Length);
    stream.Position = 0;
    stream.Write(input);
    stream.Flush();
});
var began = Stopwatch.GetTimestamp();
// The shortest first, so that of two inputs that go the same way the shorter stays.
var outcome = fuzzer.Run(Directory.GetFiles(folder).Select(File.ReadAllBytes).OrderBy(input => input.Length),
    runs => runs % 64 != 0 || Stopwatch.GetElapsedTime(began).TotalSeconds < seconds);
foreach (var input in outcome.Needless)
{
    File.Delete(Path.Combine(folder, Fuzzer.NameOf(input)));
}

foreach (var input in outcome.Found)
{
    File.WriteAllBytes(Path.Combine(folder, Fuzzer.NameOf(input)), input);
}

var took = Stopwatch.GetElapsedTime(began).TotalSeconds;
Console.WriteLine($"{target.Name,-15} {outcome.Runs,10:N0} inputs in {took:0} s, {outcome.Places,6:N0} places, {outcome.Found.Count,5:N0} new inputs kept");
if (outcome.Fault is not { } fault)
{
    return 0;
}

var path = Path.Combine(folder, $"fault-{Fuzzer.NameOf(fault.Input)}");
File.WriteAllBytes(path, fault.Input);
Console.WriteLine($"{target.Name}: {fault.What}; the input is {path}");
return 1;
