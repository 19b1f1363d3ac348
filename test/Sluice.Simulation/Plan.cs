using System.Globalization;

namespace Sluice.Simulation;

/// <summary>Which API the simulated account speaks.</summary>
internal enum ApiKind
{
    /// <summary>Upload first; batches carry the intent.</summary>
    OpenAI,

    /// <summary>Upload first; batches tell their input file and carry nothing.</summary>
    Compatible,

    /// <summary>One call; batches carry nothing.</summary>
    Anthropic,
}

/// <summary>In which order a list has its batches.</summary>
internal enum ListOrder
{
    /// <summary>As the vendors' own do.</summary>
    NewestFirst,

    /// <summary>As some compatible servers do.</summary>
    OldestFirst,

    /// <summary>In an order that says nothing.</summary>
    Unsorted,
}

/// <summary>Where the processes of a seed run, and so what they can tell of each other.</summary>
internal enum HostKind
{
    /// <summary>Each sees whether another one lives.</summary>
    OneNamespace,

    /// <summary>One machine and its clocks; only leases tell.</summary>
    Containers,

    /// <summary>Each machine has its own clocks, which are right; only leases tell.</summary>
    Machines,
}

/// <summary>What a seed is about: sizes, speeds, and how likely each fault is. Most seeds have few kinds of faults, so that each is seen alone too.</summary>
internal sealed class Plan
{
    public Plan(Random random)
    {
        double Often(double most) => random.Next(3) == 0 ? most * random.NextDouble() : 0;

        Kind = random.Next(8) switch { < 4 => ApiKind.OpenAI, < 7 => ApiKind.Anthropic, _ => ApiKind.Compatible };
        IsLocal = random.Next(4) != 0;
        // Mostly few: what goes wrong goes wrong with few, and small seeds are quick.
        Requests = 3 + (int)(47 * Math.Pow(random.NextDouble(), 5));
        MaxRequests = random.Next(3, 11);
        Models = random.Next(1, 3);
        Processes = random.Next(6) switch { < 2 => 1, < 5 => 2, _ => 3 };
        LiveShare = random.Next(4) == 0 ? 0.5 : 0;
        IsSameHost = random.Next(2) == 0;
        Kills = random.Next(3) == 0 ? 0 : random.Next(1, 5);
        Stops = random.Next(3) == 0 ? random.Next(1, 4) : 0;
        HalfTime = TimeSpan.FromSeconds(IsLocal ? random.Next(3, 30) : random.Next(60, 450));

        Refused = Often(0.3);
        ErrorBefore = Often(0.3);
        ErrorAfter = Often(0.3);
        LostRequest = Often(0.15);
        LostAnswer = Often(0.3);
        Throttled = Often(0.3);
        SlowUploads = Often(0.5);
        BadKey = random.Next(20) == 0 ? 0.02 : 0;
        ListLag = random.Next(3) == 0 ? 1 : 0;
        NotFoundLag = random.Next(4) == 0 ? 1 : 0;
        LateFiles = Often(0.8);
        CutDownloads = Often(0.5);
        ShortDownloads = Often(0.5);
        MessyLines = Often(1);
        MissingLines = Often(0.2);
        FailedLines = Often(0.4);
        PermanentLines = Often(0.1);
        Unfinished = Often(0.5);
        FailedBatches = Often(0.4);
        WrongCounts = Often(1);
        Others = random.Next(3) == 0 ? random.Next(1, 6) : 0;
        SlowCache = Often(0.8);

        Redirects = Often(0.2);
        Pages = Often(0.2);
        Pauses = random.Next(4) == 0 ? random.Next(1, 4) : 0;
        Host = IsSameHost ? HostKind.OneNamespace : random.Next(3) == 0 ? HostKind.Machines : HostKind.Containers;
        ClockSteps = Host != HostKind.Machines && random.Next(3) == 0 ? random.Next(1, 4) : 0;
        Order = random.Next(4) switch { 0 => ListOrder.OldestFirst, 1 => ListOrder.Unsorted, _ => ListOrder.NewestFirst };
        OldBatches = random.Next(2) == 0 ? random.Next(1, 4) : 0;
        // A few old batches in an order that says nothing may look like a list that is sorted: such a list comes whole.
        PageSize = random.Next(3) == 0 && Order != ListOrder.Unsorted ? random.Next(2, 5) : 100;
    }

    public ApiKind Kind { get; }

    public bool IsLocal { get; }

    public int Requests { get; }

    public int MaxRequests { get; }

    public int Models { get; }

    public int Processes { get; }

    /// <summary>Gets the part of the processes that send live.</summary>
    public double LiveShare { get; }

    /// <summary>Gets whether processes see at once that another one is dead; else only its lease tells.</summary>
    public bool IsSameHost { get; }

    public int Kills { get; }

    public int Stops { get; }

    /// <summary>Gets when the faults end.</summary>
    public TimeSpan HalfTime { get; }

    public double Refused { get; }

    public double ErrorBefore { get; }

    public double ErrorAfter { get; }

    public double LostRequest { get; }

    public double LostAnswer { get; }

    public double Throttled { get; }

    public double SlowUploads { get; }

    public double BadKey { get; }

    public double ListLag { get; }

    public double NotFoundLag { get; }

    public double LateFiles { get; }

    public double CutDownloads { get; }

    public double ShortDownloads { get; }

    public double MessyLines { get; }

    public double MissingLines { get; }

    public double FailedLines { get; }

    public double PermanentLines { get; }

    public double Unfinished { get; }

    public double FailedBatches { get; }

    public double WrongCounts { get; }

    /// <summary>Gets how many batches other people make on the account.</summary>
    public int Others { get; }

    public double SlowCache { get; }

    /// <summary>Gets how often a proxy sends a call elsewhere; it is not carried out.</summary>
    public double Redirects { get; }

    /// <summary>Gets how often a proxy answers with a page of its own, with a status of success or without; before the call is carried out or after it.</summary>
    public double Pages { get; }

    /// <summary>Gets how often processes stand still for longer than their leases: one of them, or all.</summary>
    public int Pauses { get; }

    /// <summary>Gets where the processes run.</summary>
    public HostKind Host { get; }

    /// <summary>Gets how often somebody sets the clock, by up to two hours to either side.</summary>
    public int ClockSteps { get; }

    /// <summary>Gets the order of lists.</summary>
    public ListOrder Order { get; }

    /// <summary>Gets how many batches of days ago the account has.</summary>
    public int OldBatches { get; }

    /// <summary>Gets how many batches a page of a list has at most.</summary>
    public int PageSize { get; }

    public override string ToString()
    {
        var faults = new (string Name, double Value)[]
        {
            ("refused", Refused), ("error-before", ErrorBefore), ("error-after", ErrorAfter), ("lost-request", LostRequest), ("lost-answer", LostAnswer),
            ("throttled", Throttled), ("slow-uploads", SlowUploads), ("bad-key", BadKey), ("list-lag", ListLag), ("not-found-lag", NotFoundLag), ("late-files", LateFiles), ("cut", CutDownloads),
            ("short", ShortDownloads), ("messy", MessyLines), ("missing", MissingLines), ("failed-lines", FailedLines), ("permanent-lines", PermanentLines),
            ("unfinished", Unfinished), ("failed-batches", FailedBatches), ("wrong-counts", WrongCounts), ("others", Others), ("slow-cache", SlowCache),
            ("live", LiveShare), ("kills", Kills), ("stops", Stops), ("redirects", Redirects), ("pages", Pages), ("pauses", Pauses), ("clock-steps", ClockSteps), ("old-batches", OldBatches),
        };
        var shown = faults.Where(f => f.Value > 0).Select(f => string.Create(CultureInfo.InvariantCulture, $"{f.Name} {f.Value:0.##}"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Kind}, {(IsLocal ? "local" : "remote")}, {Requests} requests in batches of {MaxRequests}, {Models} models, {Processes} processes{(Processes > 1 ? $" in {Host}" : "")}, lists {Order} by {PageSize}, faults for {HalfTime.TotalSeconds:0} s: {string.Join(", ", shown)}");
    }
}
