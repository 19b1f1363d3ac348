using System.Text.RegularExpressions;
using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>Binds <c>steps</c>, or the prompt at the top that stands for a single step.</summary>
internal sealed partial class StepBinder(ModelBinder models, MistakeList mistakes)
{
    /// <summary>The name of the step that a prompt at the top stands for.</summary>
    public const string OnlyStep = "answer";

    private static readonly string[] Prompts = ["user", "messages", "body"];

    public IReadOnlyList<StepOptions> Bind(MappingBinder experiment, ModelOptions? model)
    {
        bool shorthand = Array.Exists([.. Prompts, "system"], experiment.Has);
        if (!experiment.Has("steps"))
        {
            if (!shorthand)
            {
                experiment.Mistake("steps", "missing: there is nothing to ask",
                    "give steps, or for a single step just user, messages or body");
                return [];
            }

            StepOptions only = Prompt(experiment, OnlyStep, model);
            if (!experiment.Has("model"))
            {
                experiment.Node("model", required: true);
            }

            return [only];
        }

        if (shorthand)
        {
            string key = Array.Find([.. Prompts, "system"], experiment.Has)!;
            experiment.Mistake(key, "a prompt at the top and steps cannot both be given", "move the prompt into a step");
        }

        IReadOnlyList<MappingBinder>? binders = experiment.Mappings("steps", ExperimentFields.Step);
        if (binders is { Count: 0 } && experiment.Sequence("steps") is { Items.Count: 0 })
        {
            experiment.Mistake("steps", "an empty list: there is nothing to ask", "give at least one step");
        }

        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        return [.. (binders ?? []).Select(binder => Step(binder, experiment.Has("model"), model, names))];
    }

    private StepOptions Step(MappingBinder binder, bool hasTopModel, ModelOptions? topModel, Dictionary<string, string> names)
    {
        binder.RefuseUnknown();
        string? name = binder.Text("name", required: true);
        if (name is not null && !NameShape.IsMatch(name))
        {
            binder.Mistake("name", $"{Say.Quoted(name)} is no step name: expected a letter or _, then letters, digits and _",
                "templates say steps.NAME.text");
        }
        else if (name is not null && !names.TryAdd(name, binder.Path))
        {
            binder.Mistake("name", $"{Say.Quoted(name)} is also the name of {names[name]}; step names must differ");
        }

        ModelOptions? model = topModel;
        if (binder.Has("model"))
        {
            model = models.Bind(binder.Mapping("model", ExperimentFields.Model));
        }
        else if (!hasTopModel)
        {
            binder.Mistake("model", "missing, and there is no model at the top either");
        }

        return Prompt(binder, name ?? "", model);
    }

    private StepOptions Prompt(MappingBinder binder, string name, ModelOptions? model)
    {
        string[] given = [.. Prompts.Where(binder.Has)];
        if (given.Length == 0)
        {
            binder.Mistake("user", "missing: a step needs exactly one of user, messages and body");
        }
        else if (given.Length > 1)
        {
            binder.Mistake(given[1], $"{string.Join(" and ", given)} are given, but a step needs exactly one of user, messages and body");
        }
        else if (given[0] != "user" && binder.Has("system"))
        {
            binder.Mistake("system", $"system goes with user only; put it into {given[0]}");
        }

        var json = new JsonBinder(mistakes);
        ConfigSequence? messages = Messages(binder);
        ConfigMapping? body = binder.RawMapping("body");
        if (body is not null)
        {
            ModelBinder.RefuseStream(body, binder.Below("body"), mistakes);
        }

        return new StepOptions
        {
            Name = name,
            Model = model ?? new ModelOptions { Provider = "", Name = "" },
            System = binder.Text("system"),
            User = binder.Text("user"),
            Messages = messages is null ? null : json.Array(messages, binder.Below("messages")),
            Body = body is null ? null : json.Object(body, binder.Below("body")),
        };
    }

    private static ConfigSequence? Messages(MappingBinder binder)
    {
        ConfigSequence? messages = binder.Sequence("messages");
        if (messages is { Items.Count: 0 })
        {
            binder.Mistake("messages", "an empty list", "give at least one message");
        }

        for (int i = 0; i < messages?.Items.Count; i++)
        {
            if (messages.Items[i] is not (ConfigMapping or ConfigScalar { Type: ScalarKind.Broken }))
            {
                binder.Mistake($"messages.{i}", messages.Items[i],
                    $"expected a mapping such as {{role: user, content: ...}}, found {Say.Found(messages.Items[i])}");
            }
        }

        return messages;
    }

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex NameShape { get; }
}
