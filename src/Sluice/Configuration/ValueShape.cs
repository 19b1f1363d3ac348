namespace Sluice.Configuration;

/// <summary>What a value may be, as far as an editor can check it.</summary>
/// <param name="Type">The JSON type.</param>
/// <param name="Least">The least number, or null.</param>
/// <param name="Most">The greatest number, or null.</param>
/// <param name="IsLeastExcluded">Whether the least number itself is too small.</param>
/// <param name="Options">The texts that are known, or null for any.</param>
internal sealed record ValueShape(string Type, double? Least = null, double? Most = null, bool IsLeastExcluded = false, IReadOnlyList<string>? Options = null)
{
    public static ValueShape Text { get; } = new("string");

    public static ValueShape YesNo { get; } = new("boolean");

    public static ValueShape Whole(double least, double? most = null) => new("integer", least, most);

    public static ValueShape Number(double least = 0, double? most = null, bool isLeastExcluded = false) => new("number", least, most, isLeastExcluded);

    public static ValueShape ListOf(params string[] options) => new("array", Options: options);

    public static ValueShape OneOf(params string[] options) => new("string", Options: options);
}
