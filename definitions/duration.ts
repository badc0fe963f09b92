import { z } from 'zod';
import { durationMs } from './durationMs.ts';

/** A duration kept in the user's words; at least `minMs`. */
export function Duration(example: string, minMs = 0) {
  return z
    .string({ error: `must be a duration in words, such as "${example}"` })
    .superRefine((text, context) => {
      const ms = durationMs(text);
      if (ms === null) {
        context.addIssue(`${JSON.stringify(text)} is not a duration; write one such as "${example}"`);
      } else if (ms < minMs) {
        context.addIssue(
          `${JSON.stringify(text)} is too short; give at least ${minMs / 1000} seconds, such as "${example}"`,
        );
      }
    });
}
