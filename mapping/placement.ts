import type { Column } from '../connectors/source.ts';
import { RowcastError } from '../errors.ts';
import { checkColumns } from './limits.ts';
import type { CallType, MappingOptions, Placement } from './mapper.ts';

/** Reserved columns that hold one value. */
export const SCALARS = ['userId', 'anonymousId', 'groupId', 'event', 'messageId', 'timestamp'] as const;
export type Scalar = (typeof SCALARS)[number];

/** Reserved columns that hold an object, or have children. */
export const OBJECTS = ['context', 'integrations'] as const;

/** Where everything goes that is not reserved. */
export function containerOf(type: CallType): 'traits' | 'properties' {
  return type === 'identify' || type === 'group' ? 'traits' : 'properties';
}

/** The names that a call type reserves, by their lower-case form. Source: the product page, *Reserved properties and traits*. */
function reservedNames(type: CallType): ReadonlyMap<string, string> {
  const own = containerOf(type) === 'traits' ? 'groupId' : 'event';
  const names = ['userId', 'anonymousId', own, 'integrations', 'messageId', 'timestamp', 'context'];
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}

/**
 * Decides where every column goes.
 *
 * @throws RowcastError mapping_invalid, limit_exceeded: what is wrong with the whole result.
 */
export function placeColumns(columns: readonly Column[], options: MappingOptions): Placement[] {
  checkColumns(columns, options.limits);
  const placements = columns.map(({ name }) => placeColumn(name, options.type));
  refuseOverlaps(placements);
  refuseMissing(placements, options);
  return placements;
}

function placeColumn(column: string, type: CallType): Placement {
  const segments = column.split('.');
  if (segments.some((segment) => segment === '')) {
    throw new RowcastError(
      'mapping_invalid',
      `The column ${JSON.stringify(column)} has an empty name or an empty part between dots; give it a name with \`AS\`.`,
    );
  }
  const [first = '', ...rest] = segments;
  const reserved = reservedNames(type).get(first.toLowerCase());
  if (reserved !== undefined && rest.length > 0 && (SCALARS as readonly string[]).includes(reserved)) {
    throw new RowcastError(
      'mapping_invalid',
      `The column ${JSON.stringify(column)} lies below ${reserved}, which is reserved and holds a single value; rename it with \`AS\`.`,
    );
  }
  if (reserved !== undefined) return { column, path: [reserved, ...rest], why: `${reserved} is reserved` };
  const container = containerOf(type);
  const spelled = first.toLowerCase() === 'relationshipattributes' ? 'relationshipAttributes' : first;
  const nested = rest.length > 0 ? ', nested by its dots' : '';
  const what = container === 'traits' ? 'a trait' : 'a property';
  return { column, path: [container, spelled, ...rest], why: `not reserved, so ${what}${nested}` };
}

/** One place, one column: neither the same path twice, nor one that lies inside another's value. */
function refuseOverlaps(placements: readonly Placement[]): void {
  const taken = new Map<string, string>();
  for (const { column, path } of placements) {
    const key = JSON.stringify(path);
    const other = taken.get(key);
    if (other !== undefined) throw overlap(other, column, path);
    taken.set(key, column);
  }
  for (const { column, path } of placements) {
    for (let length = 1; length < path.length; length += 1) {
      const other = taken.get(JSON.stringify(path.slice(0, length)));
      if (other !== undefined) throw overlap(other, column, path.slice(0, length));
    }
  }
}

function overlap(one: string, other: string, path: readonly string[]): RowcastError {
  return new RowcastError(
    'mapping_invalid',
    `The columns ${JSON.stringify(one)} and ${JSON.stringify(other)} both claim ${path.join('.')}; rename or remove one of them.`,
  );
}

/** What every row would lack is known before the first one. */
function refuseMissing(
  placements: readonly Placement[],
  { type, duties, messageIdFrom }: MappingOptions,
): void {
  const has = (...path: string[]) =>
    placements.some((placement) => JSON.stringify(placement.path) === JSON.stringify(path));
  const refuse = (missing: string) => {
    throw new RowcastError('mapping_invalid', `The query returns no column ${missing}.`);
  };
  if (type === 'group' && !has('groupId'))
    refuse('"groupId", which a group needs; add one, such as `id AS "groupId"`');
  if (type === 'track' && !has('event'))
    refuse('"event", which a track needs; add one, such as `\'Signed up\' AS event`');
  const byEmail = type === 'identify' && duties.identifyByEmail;
  const excused = (byEmail && has('traits', 'email')) || (type === 'group' && duties.groupWithoutPerson);
  if (!has('userId') && !has('anonymousId') && !excused) {
    const names = byEmail ? '"userId", "anonymousId" or "email"' : '"userId" or "anonymousId"';
    refuse(
      `${names}, one of which ${type === 'identify' ? 'an' : 'a'} ${type} needs; add one, such as \`id AS "userId"\``,
    );
  }
  if (messageIdFrom !== null && !has('timestamp')) {
    refuse(
      '"timestamp", from which `messageIdFrom` takes the time of the messageId; add one, such as `created AS timestamp`',
    );
  }
}
