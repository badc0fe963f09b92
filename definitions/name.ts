import { z } from 'zod';

const NAME_PATTERN = /^[a-z0-9-]{1,40}$/;
const NAME_WORDS = 'must be a name of 1 to 40 characters of a-z, 0-9 and "-"';

/** The name of a sync, an integration or a destination. Names never change; a title may. */
export const Name = z.string(NAME_WORDS).regex(NAME_PATTERN, NAME_WORDS);

export const Title = z
  .string()
  .trim()
  .min(1, 'is empty; leave it out instead')
  .max(200, 'is longer than 200 characters');
