/** Exit code for a bug of tsbuild: sysexits.h's EX_SOFTWARE. */
export const bugExitCode = 70;

/** 128 and the signal's number, as shells report it. */
export const signalExitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** The reader of standard output went away: what a shell reports for SIGPIPE, which Node ignores. */
export const brokenPipeExitCode = 141;
