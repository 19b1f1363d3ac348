using Sluice.Cli;

#if CRASH_POINTS
Crashes.Arm();
#endif
ForgivingWriter.Install();
NativeHeap.Compact();
return !OpenFiles.AreEnough() ? ExitCodes.Unexpected : await Application.RunAsync(args).ConfigureAwait(false);
