import type { OperatorService } from '@temporalio/client';
import proto from '@temporalio/proto';
import { messageOf } from '../errors.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/contract.ts';
import type { SearchAttributeName } from '../workflows/contract.ts';

const { INDEXED_VALUE_TYPE_KEYWORD, INDEXED_VALUE_TYPE_INT } = proto.temporal.api.enums.v1.IndexedValueType;
const TYPES = { KEYWORD: INDEXED_VALUE_TYPE_KEYWORD, INT: INDEXED_VALUE_TYPE_INT };
const NAMES = Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[];

/** A namespace, and the service that knows its search attributes. */
export interface Namespace {
  readonly operatorService: Pick<OperatorService, 'addSearchAttributes' | 'listSearchAttributes'>;
  readonly namespace: string;
}

/** Which of Rowcast's search attributes a namespace has with the right type. @throws gRPC errors */
async function registered({ operatorService, namespace }: Namespace): Promise<SearchAttributeName[]> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  return NAMES.filter((name) => customAttributes[name] === TYPES[SEARCH_ATTRIBUTES[name]]);
}

/** What came of registering. */
export interface RegisteredAttributes {
  readonly registered: readonly SearchAttributeName[];
  readonly missing: readonly SearchAttributeName[];
  /** Why some are missing, in the server's words; null where none is. */
  readonly reason: string | null;
}

/** Registers the search attributes that a namespace lacks, in so far as it lets us. */
export async function registerSearchAttributes(at: Namespace): Promise<RegisteredAttributes> {
  const { operatorService, namespace } = at;
  let reason = 'an attribute of that name has another type';
  let found = await registered(at).catch((error: unknown) => {
    reason = messageOf(error);
    return [] as SearchAttributeName[];
  });
  // One by one: some may find no place where a namespace has many of its own.
  for (const name of NAMES.filter((each) => !found.includes(each))) {
    const searchAttributes = { [name]: TYPES[SEARCH_ATTRIBUTES[name]] };
    await operatorService.addSearchAttributes({ namespace, searchAttributes }).catch((error: unknown) => {
      reason = messageOf(error);
    });
  }
  found = await registered(at).catch(() => found);
  const missing = NAMES.filter((name) => !found.includes(name));
  return { registered: found, missing, reason: missing.length === 0 ? null : reason };
}

/** Says what is missing and how it comes to be there; null where nothing is. */
export function missingAttributesWords(
  namespace: string,
  { missing, reason }: RegisteredAttributes,
): string | null {
  if (missing.length === 0) return null;
  const named = missing.map((name) => `${name} (${SEARCH_ATTRIBUTES[name] === 'INT' ? 'Int' : 'Keyword'})`);
  return `The namespace ${namespace} lacks the search attributes ${named.join(', ')}, and they cannot be registered from here (${reason ?? '-'}). Runs go on without them, but are not in the lists of docs/operating.md; let somebody add them who may, by \`rowcast setup\`, or in Temporal Cloud in the settings of the namespace.`;
}

/** For so long an answer holds, in milliseconds: less than Temporal takes to try a refused workflow task again and again. */
const HOLDS_MS = 2_000;

/** Asks which search attributes a namespace has; none where it does not say. */
export function searchAttributesOf(at: Namespace): () => Promise<readonly SearchAttributeName[]> {
  let asked: { readonly ms: number; readonly answer: Promise<readonly SearchAttributeName[]> } | null = null;
  return () => {
    const nowMs = performance.now();
    if (asked === null || nowMs - asked.ms > HOLDS_MS) {
      asked = { ms: nowMs, answer: registered(at).catch(() => []) };
    }
    return asked.answer;
  };
}
