import { Cron as Croner } from 'croner';
import { z } from 'zod';
import { readCron } from './cronFields.ts';

/** A five-field cron expression, kept in the user's words. Its shortest unit is the minute. */
export const Cron = z
  .string({ error: 'must be a cron expression in quotes, such as "0 6 * * *"' })
  .superRefine((text, context) => {
    const problem = cronProblem(text);
    if (problem !== null) context.addIssue(problem);
  });

function cronProblem(text: string): string | null {
  const fields = readCron(text);
  if (typeof fields === 'string') return fields;
  return fires(text) ? null : `${JSON.stringify(text)} never fires; correct its day or its month`;
}

function fires(cron: string): boolean {
  return new Croner(cron.trim(), { paused: true, mode: '5-part', timezone: 'UTC' }).nextRun() !== null;
}
