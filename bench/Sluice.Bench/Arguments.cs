using System.Globalization;

namespace Sluice.Bench;

internal static class Arguments
{
    public static int Number(string[] args, int index, int fallback) => index < args.Length ? int.Parse(args[index], CultureInfo.InvariantCulture) : fallback;

    public static int Usage()
    {
        Console.Error.WriteLine("usage: replay [SAMPLES] | compose [JOBS] | cache [ENTRIES] | memory PROGRAM [SAMPLES...]");
        return 2;
    }
}
