import type { Row } from '../connectors/source.ts';
import { jsonText } from './jsonText.ts';
import type { MappingOptions, RowProblemCode } from './mapper.ts';
import { Problem } from './problem.ts';
import type { ReadText, ResultColumns } from './resultColumns.ts';
import { timestampReader } from './timestampReader.ts';

/** The part of a call that says what it is and whose. */
export interface Head {
  /** `"type":…` to `"timestamp":…`. */
  readonly json: string;
  /** The userId, else anonymousId, else groupId, else email. */
  readonly person: string;
}

/** Writes the head of a call, and refuses a row that lacks what its type needs. */
export function headWriter(result: ResultColumns): (row: Row) => Head {
  const { options } = result;
  const { type, duties } = options;
  const [userIdOf, anonymousIdOf] = [result.scalar('userId'), result.scalar('anonymousId')];
  const [groupIdOf, eventOf] = [result.scalar('groupId'), result.scalar('event')];
  const [emailOf, nameOf] = [emailReader(result), nameReader(result)];
  const timestampOf = timestampReader(result);
  const needsPerson = !(type === 'group' && duties.groupWithoutPerson);
  return (row) => {
    const [userId, anonymousId] = [userIdOf(row), anonymousIdOf(row)];
    const [groupId, event] = [groupIdOf(row), eventOf(row)];
    const isNamed = userId !== null || anonymousId !== null;
    const email = isNamed ? null : emailOf(row);
    if (type === 'group' && groupId === null) throw lacks('missing_group_id', 'groupId', 'a group');
    if (type === 'track' && event === null) throw lacks('missing_event', 'event', 'a track');
    if (!isNamed && needsPerson && email === null) throw lacksPerson(options);
    let json = `"type":"${type}"`;
    if (userId !== null) json += `,"userId":${jsonText(userId)}`;
    else if (email !== null) json += ',"userId":""';
    if (anonymousId !== null) json += `,"anonymousId":${jsonText(anonymousId)}`;
    if (groupId !== null) json += `,"groupId":${jsonText(groupId)}`;
    if (event !== null) json += `,"event":${jsonText(event)}`;
    const name = nameOf(row);
    if (name !== null) json += `,"name":${jsonText(name)}`;
    const timestamp = timestampOf(row);
    if (timestamp !== null) json += `,"timestamp":"${timestamp}"`;
    return { json, person: userId ?? anonymousId ?? groupId ?? email ?? '' };
  };
}

function lacks(code: RowProblemCode, column: string, what: string): Problem {
  return new Problem(
    code,
    `The row has no ${column}, which ${what} needs; leave such rows out of the query, or fill it.`,
  );
}

function lacksPerson({ type, duties }: MappingOptions): Problem {
  const names =
    type === 'identify' && duties.identifyByEmail ? 'userId, anonymousId or email' : 'userId or anonymousId';
  return new Problem(
    'missing_user',
    `The row has no ${names}, one of which ${type === 'identify' ? 'an' : 'a'} ${type} needs; leave such rows out of the query, or fill it.`,
  );
}

/** The `email` trait, where it can stand for a person. */
function emailReader(result: ResultColumns): ReadText {
  const { type, duties } = result.options;
  return type === 'identify' && duties.identifyByEmail ? result.textAt('traits', 'email') : () => null;
}

/** `page` and `screen` have a `name` in the API: the event, or without such a column a `name` column. */
function nameReader(result: ResultColumns): ReadText {
  const { type } = result.options;
  if (type !== 'page' && type !== 'screen') return () => null;
  return result.indexOf('event') >= 0 ? result.scalar('event') : result.textAt('properties', 'name');
}
