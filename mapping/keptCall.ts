import type { MappedCall } from './mapper.ts';
import { OBJECTS } from './placement.ts';

/** A call that was made before, as it was, to be staged again; it keeps its messageId. @param call parsed exactly. */
export function keptCall(call: Readonly<Record<string, unknown>>): MappedCall {
  const shared = OBJECTS.flatMap((name) =>
    call[name] === undefined ? [] : [`"${name}":${JSON.stringify(call[name])},`],
  ).join('');
  const { messageId } = call;
  const first: readonly string[] = [...OBJECTS, 'messageId'];
  const rest = Object.fromEntries(Object.entries(call).filter(([name]) => !first.includes(name)));
  return {
    ok: true,
    json: `{${shared}"messageId":${JSON.stringify(messageId)},${JSON.stringify(rest).slice(1)}`,
    sharedBytes: Buffer.byteLength(shared),
    messageId: String(messageId),
    repeatable: false,
    person: personOf(call),
  };
}

/** The userId, else anonymousId, else groupId, else email. */
function personOf({ userId, anonymousId, groupId, traits }: Readonly<Record<string, unknown>>): string {
  const email =
    typeof traits === 'object' && traits !== null ? (Reflect.get(traits, 'email') as unknown) : undefined;
  const names = [userId, anonymousId, groupId, email];
  return names.find((name): name is string => typeof name === 'string' && name !== '') ?? '';
}
