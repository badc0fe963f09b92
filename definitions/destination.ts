import { z } from 'zod';
import { SecretReference } from '../secrets/reference.ts';
import { Headers } from './headers.ts';
import { Name, Title } from './name.ts';

const URL_WORDS = 'must be an http or https URL ending in "/v1", such as "https://cdp.customer.io/v1"';

const Url = z
  .url({ protocol: /^https?$/, error: URL_WORDS, abort: true })
  .refine((url) => new URL(url).username === '' && new URL(url).password === '', {
    error: 'must not hold a user or password; give the key as `writeKey`',
    abort: true,
  })
  .transform((url) => url.replace(/\/+$/, ''))
  .refine((url) => url.endsWith('/v1'), { error: 'must end in "/v1"; the batch endpoint is found below it' });

const positive = (what: string) =>
  z.int(`must be a whole number of ${what}`).min(1, `must be at least 1 ${what}`);

const shared = { name: Name, title: Title.optional(), writeKey: SecretReference };

const CustomerioDestination = z.strictObject({
  ...shared,
  kind: z.literal('customerio'),
  region: z.enum(['us', 'eu'], { error: 'must be "us" or "eu"' }).default('us'),
  /** A proxy or a test server instead of the region's endpoint. */
  url: Url.optional(),
});

const SegmentDestination = z.strictObject({
  ...shared,
  kind: z.literal('segment'),
  region: z.enum(['us', 'eu'], { error: 'must be "us" or "eu"' }).default('us'),
  /** A proxy or a test server instead of the region's endpoint. */
  url: Url.optional(),
});

const RudderstackDestination = z.strictObject({
  ...shared,
  kind: z.literal('rudderstack'),
  /** The data plane's URL with `/v1`. */
  url: Url,
  /** Bytes of one call as JSON; 32 KB by default. */
  callBytesMax: positive('bytes').default(32 * 1000),
  /** Requests a second to this destination from one worker. */
  requestsPerSecond: positive('requests').default(100),
});

const HttpDestination = z.strictObject({
  ...shared,
  kind: z.literal('http'),
  url: Url,
  /** Sent with every request beside Rowcast's own. */
  headers: Headers.optional(),
  /** Bytes of one call as JSON; 32 KB by default. */
  callBytesMax: positive('bytes').default(32 * 1024),
  /** Bytes of one batch as JSON; 500 KB by default. */
  batchBytesMax: positive('bytes').default(500 * 1024),
  /** Requests a second to this destination from one worker. */
  requestsPerSecond: positive('requests').default(100),
});

/** A named endpoint with its write key, shared by integrations. */
export const DestinationDefinition = z.discriminatedUnion(
  'kind',
  [CustomerioDestination, SegmentDestination, RudderstackDestination, HttpDestination],
  {
    error: ({ code }: { code: string }) =>
      code === 'invalid_type'
        ? 'must be a mapping, such as { kind: customerio, writeKey: { secret: customerio-write-key } }'
        : 'must be "customerio", "segment", "rudderstack" or "http"',
  },
);
export type DestinationDefinition = z.output<typeof DestinationDefinition>;

/** Where a destination takes calls: its own URL, or the endpoint of its region. Source: `docs/architecture.md`. */
export function endpointOf(definition: DestinationDefinition): string {
  if (definition.kind === 'rudderstack' || definition.kind === 'http') return definition.url;
  return definition.url ?? ENDPOINTS[definition.kind][definition.region];
}

const ENDPOINTS = {
  customerio: { us: 'https://cdp.customer.io/v1', eu: 'https://cdp-eu.customer.io/v1' },
  segment: { us: 'https://api.segment.io/v1', eu: 'https://events.eu1.segmentapis.com/v1' },
} as const;

/** A destination as its author writes it: what has a default may be left out. */
export type DestinationInput = z.input<typeof DestinationDefinition>;
