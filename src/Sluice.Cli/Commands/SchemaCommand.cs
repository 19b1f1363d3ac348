using System.CommandLine;
using Sluice.Configuration;

namespace Sluice.Cli.Commands;

/// <summary><c>schema</c>: the JSON Schema of experiment files, for editors.</summary>
internal static class SchemaCommand
{
    public static Command Create()
    {
        var command = new Command("schema", "Print the JSON Schema of experiment files; editors complete and check YAML with it.");
        command.SetAction(_ =>
        {
            Console.Out.Write(ExperimentSchema.Write());
            return ExitCodes.Done;
        });
        return command;
    }
}
