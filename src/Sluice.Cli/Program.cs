using Sluice.Cli;

#if CRASH_POINTS
Crashes.Arm();
#endif
NativeHeap.Compact();
return await Application.RunAsync(args).ConfigureAwait(false);
