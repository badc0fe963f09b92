/*
 * What Customer.io's Pipelines API and Segment's specification ask of a call, written from their documentation
 * and shared with nothing else: this is what Rowcast's calls are measured by.
 */

const TYPES = new Set(['identify', 'track', 'page', 'screen', 'group']);
const ISO_UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const KNOWN: Record<string, readonly string[]> = {
  identify: ['traits', 'groupId'],
  group: ['traits', 'groupId'],
  track: ['properties', 'event'],
  page: ['properties', 'event', 'name'],
  screen: ['properties', 'event', 'name'],
};
const COMMON = ['type', 'messageId', 'userId', 'anonymousId', 'timestamp', 'context', 'integrations'];

/** What is wrong with a call, or null. @param takesNoPerson whether an identify by email and a group alone are taken. */
export function problemOf(call: unknown, takesNoPerson: boolean): string | null {
  if (!isObject(call)) return 'a call must be an object';
  const type = call['type'];
  if (typeof type !== 'string' || !TYPES.has(type)) return `type ${JSON.stringify(type)} is unknown`;
  const own = KNOWN[type] ?? [];
  const unknown = Object.keys(call).find((key) => !COMMON.includes(key) && !own.includes(key));
  if (unknown !== undefined) return `${unknown} is not a field of ${type}`;
  for (const key of ['messageId', 'userId', 'anonymousId', 'groupId', 'event', 'name']) {
    if (key in call && typeof call[key] !== 'string') return `${key} must be text`;
  }
  for (const key of ['traits', 'properties', 'context', 'integrations']) {
    if (key in call && !isObject(call[key])) return `${key} must be an object`;
  }
  if (!('messageId' in call) || call['messageId'] === '') return 'messageId is missing';
  if ('timestamp' in call && !ISO_UTC.test(String(call['timestamp'])))
    return 'timestamp must be ISO 8601 in UTC';
  return personProblem(call, type, takesNoPerson);
}

function personProblem(call: Record<string, unknown>, type: string, takesNoPerson: boolean): string | null {
  const traits = isObject(call['traits']) ? call['traits'] : {};
  const named = Boolean(call['userId'] ?? '') || Boolean(call['anonymousId'] ?? '');
  if (type === 'group' && !call['groupId']) return 'groupId is missing';
  if (type === 'track' && !call['event']) return 'event is missing';
  const byEmail = type === 'identify' && typeof traits['email'] === 'string';
  return named || (takesNoPerson && (type === 'group' || byEmail))
    ? null
    : 'userId or anonymousId is missing';
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
