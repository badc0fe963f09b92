import { Cron as Croner } from 'croner';
import { z } from 'zod';

/** A five-field cron expression, kept in the user's words. Its shortest unit is the minute. */
export const Cron = z
  .string({ error: 'must be a cron expression such as "0 6 * * *"' })
  .superRefine((text, context) => {
    const problem = cronProblem(text);
    if (problem !== null) context.addIssue(problem);
  });

function cronProblem(text: string): string | null {
  const fields = text.trim().split(/\s+/).length;
  if (fields !== 5) {
    return `${JSON.stringify(text)} has ${fields} fields; give five (minute, hour, day, month, weekday), such as "0 6 * * *"`;
  }
  try {
    const next = new Croner(text, { paused: true, mode: '5-part' }).nextRun();
    return next === null ? `${JSON.stringify(text)} never fires; check its day and month` : null;
  } catch {
    return `${JSON.stringify(text)} is not a cron expression; write one such as "0 6 * * *"`;
  }
}
