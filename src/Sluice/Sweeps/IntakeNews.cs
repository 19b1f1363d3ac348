using Sluice.Dispatch;
using Sluice.Memory;

namespace Sluice.Sweeps;

/// <summary>Keeps what the intake decides, and says once each that less is begun, that nothing is, and that it goes on.</summary>
internal sealed class IntakeNews(GovernorLog log, Action<DispatchEvent> observe)
{
    private readonly HashSet<string> _said = [];
    private bool _isHeld;

    /// <summary>Takes a decision; called by one thread at a time.</summary>
    public void Take(GovernorDecision decision)
    {
        log.Write(decision);
        if (decision.Verb != GovernorVerb.ChangeLevel)
        {
            return;
        }

        var left = $"{ByteText.Of(decision.Sample.HeadroomBytes)} of {ByteText.Of(decision.Sample.LimitBytes)} of memory are left here";
        var wasHeld = _isHeld;
        _isHeld = decision.Level >= GovernorLevel.Orange;
        if (_isHeld)
        {
            Say("hold", $"{left}: nothing new is begun until there is more, and after a minute only one thing at a time; what is under way goes on (`sluice memory` shows the limits)");
        }
        else if (wasHeld)
        {
            Say("go on", $"{left}: it goes on{(decision.Level == GovernorLevel.Yellow ? ", with half as much at once" : "")}");
        }
        else if (decision.Level == GovernorLevel.Yellow)
        {
            Say("halve", $"{left}: half as much is done at once until there is more");
        }
    }

    private void Say(string what, string text)
    {
        if (_said.Add(what))
        {
            observe(new Remark(text));
        }
    }
}
