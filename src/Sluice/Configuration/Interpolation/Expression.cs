namespace Sluice.Configuration.Interpolation;

/// <summary>A parsed text, or a part of one.</summary>
internal abstract record Expression;

/// <summary>A value that stands there as it is.</summary>
internal sealed record Literal(ConfigScalar Value) : Expression;

/// <summary>Parts that make one text, whatever their types are.</summary>
internal sealed record Concatenation(IReadOnlyList<Expression> Parts) : Expression;

/// <summary>A <c>${key}</c>.</summary>
/// <param name="Key">What makes the key when it is joined: literals, with dots and brackets, and nested interpolations.</param>
/// <param name="Source">The text as written, with <c>${</c> and <c>}</c>.</param>
internal sealed record Reference(IReadOnlyList<Expression> Key, string Source) : Expression;

/// <summary>A <c>${name:arguments}</c>.</summary>
/// <param name="Name">What makes the resolver's name when it is joined.</param>
/// <param name="Arguments">The arguments, in their order.</param>
/// <param name="Source">The text as written, with <c>${</c> and <c>}</c>.</param>
internal sealed record Call(IReadOnlyList<Expression> Name, IReadOnlyList<Expression> Arguments, string Source) : Expression;

/// <summary>A <c>[...]</c> among the arguments of a resolver.</summary>
internal sealed record ListLiteral(IReadOnlyList<Expression> Items) : Expression;

/// <summary>A <c>{...}</c> among the arguments of a resolver.</summary>
internal sealed record MappingLiteral(IReadOnlyList<KeyValuePair<string, Expression>> Entries) : Expression;
