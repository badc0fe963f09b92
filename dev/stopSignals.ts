/** By which signals people and supervisors end a program, and the exit codes that shells give them: 128 and the number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Calls `stop`, instead of ending the process, when it is told to end. @param stop is given the exit code to end with. */
export function onStopSignal(stop: (exitCode: number) => void): void {
  for (const [signal, exitCode] of Object.entries(EXIT_CODES)) process.on(signal, () => stop(exitCode));
}
