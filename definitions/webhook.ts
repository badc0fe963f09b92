import { z } from 'zod';
import { SecretReference } from '../secrets/reference.ts';
import { ALERT_EVENTS } from './alertLimits.ts';
import { Name, Title } from './name.ts';

const some = <Item extends z.ZodType>(item: Item, example: string) =>
  z
    .array(item, `must be a list, such as [${example}]`)
    .min(1, 'names nothing; leave it out instead')
    .optional();

/** Who is told when the state of a sync changes, and of what. */
export const WebhookDefinition = z.strictObject({
  name: Name,
  title: Title.optional(),
  /** An http or https URL. Whoever knows it may write there, as with those of Slack, so that it is a secret. */
  url: SecretReference,
  /** What messages are signed with: `whsec_` and 24 to 64 bytes in base64. */
  signingSecret: SecretReference,
  /** What it is told of; absent: everything. */
  events: some(
    z.enum(ALERT_EVENTS, { error: `must be one of ${ALERT_EVENTS.join(', ')}` }),
    'failing, recovered',
  ),
  /** Of the syncs of which integrations, and of which syncs besides, it is told; both absent: of all. */
  integrations: some(Name, 'shop'),
  syncs: some(Name, 'people'),
});
export type WebhookDefinition = z.output<typeof WebhookDefinition>;

/** A webhook as its author writes it. */
export type WebhookInput = z.input<typeof WebhookDefinition>;

/** The field that is a secret here, though it has a name that others show. */
export const WEBHOOK_SECRET_FIELDS: readonly string[] = ['url'];
