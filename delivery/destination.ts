import { endpointOf } from '../definitions/destination.ts';
import type { DestinationDefinition } from '../definitions/destination.ts';
import type { PersonDuties } from '../mapping/mapper.ts';

/** What delivery knows of a destination: everything but its write key. */
export interface DestinationProfile {
  readonly name: string;
  readonly kind: DestinationDefinition['kind'];
  /** Where batches are posted. */
  readonly batchUrl: string;
  /** UTF-8 bytes of one call, as it is sent. */
  readonly callBytesMax: number;
  /** UTF-8 bytes of the body of one request. */
  readonly batchBytesMax: number;
  readonly batchCallsMax: number;
  readonly rate: Rate;
  /** Sent with every request, besides the authorization and headers of the user's own. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether a wrong write key is refused; else it is answered like a right one, and what was sent is dropped. */
  readonly checksWriteKey: boolean;
  /** Whether `context` and `integrations` hold for a whole batch, so that only equal ones may share it. */
  readonly sharesContext: boolean;
  readonly duties: PersonDuties;
}

/** At most so many requests in any span of so many milliseconds. */
export interface Rate {
  readonly requests: number;
  readonly perMs: number;
}

/** A kilobyte where documentation leaves open which one: the smaller is safe. */
const KB = 1_000;

/** Limits, rate and duties of a destination. Source: the vendors' API references, see `docs/architecture.md`. */
export function destinationProfile(definition: DestinationDefinition): DestinationProfile {
  switch (definition.kind) {
    case 'customerio':
      return {
        name: definition.name,
        kind: definition.kind,
        batchUrl: `${endpointOf(definition)}/batch`,
        callBytesMax: 32 * KB,
        batchBytesMax: 500 * KB,
        batchCallsMax: 2_500,
        rate: { requests: 3_000, perMs: 3_000 },
        // Without it, what is invalid is answered 200 and dropped.
        headers: { 'x-strict-mode': '1' },
        checksWriteKey: true,
        sharesContext: true,
        duties: { identifyByEmail: true, groupWithoutPerson: true },
      };
    case 'segment':
      return {
        name: definition.name,
        kind: definition.kind,
        batchUrl: `${endpointOf(definition)}/batch`,
        callBytesMax: 32 * KB,
        batchBytesMax: 500 * KB,
        // A batch of more is answered 200 and dropped.
        batchCallsMax: 2_500,
        rate: { requests: 1_000, perMs: 1_000 },
        headers: {},
        checksWriteKey: false,
        sharesContext: false,
        duties: { identifyByEmail: false, groupWithoutPerson: false },
      };
    case 'rudderstack':
      return {
        name: definition.name,
        kind: definition.kind,
        batchUrl: `${endpointOf(definition)}/batch`,
        callBytesMax: definition.callBytesMax,
        batchBytesMax: 4_000 * KB,
        // No number is documented. One bad call refuses its whole batch, which is then halved until it is found.
        batchCallsMax: 2_500,
        rate: { requests: definition.requestsPerSecond, perMs: 1_000 },
        headers: {},
        checksWriteKey: true,
        sharesContext: false,
        duties: { identifyByEmail: false, groupWithoutPerson: false },
      };
    case 'http':
      return {
        name: definition.name,
        kind: definition.kind,
        batchUrl: `${endpointOf(definition)}/batch`,
        callBytesMax: definition.callBytesMax,
        batchBytesMax: definition.batchBytesMax,
        batchCallsMax: 2_500,
        rate: { requests: definition.requestsPerSecond, perMs: 1_000 },
        headers: {},
        checksWriteKey: true,
        sharesContext: false,
        duties: { identifyByEmail: false, groupWithoutPerson: false },
      };
  }
}
