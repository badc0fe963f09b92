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
  readonly headers: Readonly<Record<string, string>>;
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
    case 'customerio': {
      const host = definition.region === 'eu' ? 'cdp-eu.customer.io' : 'cdp.customer.io';
      return {
        name: definition.name,
        kind: definition.kind,
        batchUrl: `${definition.url ?? `https://${host}/v1`}/batch`,
        callBytesMax: 32 * KB,
        batchBytesMax: 500 * KB,
        batchCallsMax: 2_500,
        rate: { requests: 3_000, perMs: 3_000 },
        // Without it, what is invalid is answered 200 and dropped.
        headers: { 'x-strict-mode': '1' },
        sharesContext: true,
        duties: { identifyByEmail: true, groupWithoutPerson: true },
      };
    }
    case 'http':
      return {
        name: definition.name,
        kind: definition.kind,
        batchUrl: `${definition.url}/batch`,
        callBytesMax: definition.callBytesMax,
        batchBytesMax: definition.batchBytesMax,
        batchCallsMax: 2_500,
        rate: { requests: definition.requestsPerSecond, perMs: 1_000 },
        headers: {},
        sharesContext: false,
        duties: { identifyByEmail: false, groupWithoutPerson: false },
      };
  }
}
