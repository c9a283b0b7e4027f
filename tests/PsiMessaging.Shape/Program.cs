using PsiMessaging.Shape;

string[] options = ["--list"];
var unknown = args.Where(argument => argument.StartsWith('-') && !options.Contains(argument, StringComparer.Ordinal)).ToArray();
var folders = args.Except(options, StringComparer.Ordinal).ToArray();
if (unknown.Length > 0 || folders.Length > 1)
{
    Console.Error.WriteLine("shape [DIR] [--list]");
    return 2;
}

var root = folders.Length == 1 ? folders[0] : SourceTree.RootAbove(Environment.CurrentDirectory);
Console.Write(ShapeReport.Write(SourceTree.Read(root), args.Contains("--list", StringComparer.Ordinal)));
return 0;
