using BenchmarkDotNet.Running;
using PsiMessaging.Benchmarks;

// Whole-path figures as ratios in one run; anything else goes to BenchmarkDotNet (for example: --filter '*Rsa*').
return args switch
{
    ["add", ..] => await Adding.RunAsync(args),
    ["ingest", ..] => Ingest.Run(args),
    ["parquet-files", ..] => ParquetFiles.Run(args),
    ["sign", ..] => Signing.Run(args),
    ["sealing", ..] => await SealingCost.RunAsync(args),
    ["send", ..] => await Sending.RunAsync(args),
    ["hidden", ..] => await Hidden.RunAsync(args),
    ["masked", ..] => await Masked.RunAsync(args),
    ["noise", ..] => Noise.Run(args),
    ["release", ..] => Release.Run(args),
    ["product", ..] => Product.Run(),
    ["compute", ..] => await ScaleOut.RunAsync(args),
    ["correctness", ..] => await Vole.CheckAsync(),
    ["curve", ..] => Curve.Run(args),
    ["failures", ..] => VoleLayers.Failures(args),
    ["layers", ..] => VoleLayers.Run(args),
    ["suppression", ..] => Suppression.Run(args),
    ["vole", ..] => await Vole.RunAsync(args),
    ["session", ..] => await Sessions.RunAsync(args),
    _ => RunPrimitives(args),
};

static int RunPrimitives(string[] args)
{
    BenchmarkSwitcher.FromAssembly(typeof(RsaPrimitives).Assembly).Run(args);
    return 0;
}
