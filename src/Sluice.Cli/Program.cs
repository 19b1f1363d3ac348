using Sluice.Cli;

NativeHeap.Compact();
return await Application.RunAsync(args).ConfigureAwait(false);
