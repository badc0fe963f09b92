/** The same activities, whose failures, bugs too, are thrown with their words redacted: Temporal keeps and logs them. */
export function discreet<Activities extends object>(
  activities: Activities,
  redact: (text: string) => string,
): Activities {
  const entries = Object.entries(activities) as [string, (input: unknown) => Promise<unknown>][];
  return Object.fromEntries(
    entries.map(([name, activity]) => [
      name,
      (input: unknown) =>
        activity(input).catch((error: unknown) => {
          redactError(error, redact);
          throw error;
        }),
    ]),
  ) as Activities;
}

/** A stack holds the message, and an error may have others below it. */
function redactError(error: unknown, redact: (text: string) => string): void {
  for (let at = error; at instanceof Error; at = at.cause) {
    at.message = redact(at.message);
    if (at.stack !== undefined) at.stack = redact(at.stack);
  }
}
