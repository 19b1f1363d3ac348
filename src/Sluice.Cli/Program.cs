using Sluice.Cli;

return await Application.RunAsync(args).ConfigureAwait(false);
