import { isDeepStrictEqual } from 'node:util';
import { SyncDefinition } from './sync.ts';

/** What a user has to write for a sync to be this one: the fields that say something other than their default. */
export function withoutDefaults(definition: SyncDefinition): SyncFields {
  const limits = Object.entries(definition.limits).filter(
    ([name]) => !isDefault(definition, { ...definition, limits: without(definition.limits, name) }),
  );
  const fields = Object.entries(definition)
    .filter(([name]) => !isDefault(definition, without(definition, name)))
    .map(([name, value]) => [name, name === 'limits' ? Object.fromEntries(limits) : value] as const);
  return { ...Object.fromEntries(fields), name: definition.name };
}

/** The fields of a sync as a user writes them. */
export interface SyncFields {
  readonly name: string;
  readonly [field: string]: unknown;
}

/** Whether what was left out comes back by itself. */
function isDefault(definition: SyncDefinition, shorter: object): boolean {
  const read = SyncDefinition.safeParse(shorter);
  return read.success && isDeepStrictEqual(read.data, definition);
}

function without(fields: object, name: string): object {
  return Object.fromEntries(Object.entries(fields).filter(([other]) => other !== name));
}
