import { RowcastError } from '../errors.ts';
import type { Binding } from '../secrets/sealed.ts';
import { DestinationDefinition } from './destination.ts';
import { invalidFile, readSections } from './file.ts';
import { IntegrationDefinition } from './integration.ts';
import { check } from './problems.ts';
import { ownerOfDestination, ownerOfSource, ownerOfWebhook } from './secretOwner.ts';
import { WEBHOOK_SECRET_FIELDS, WebhookDefinition } from './webhook.ts';

/** A `rowcast.yaml`. */
export interface FileText {
  /** Its name, for messages. */
  readonly path: string;
  readonly text: string;
}

const EXAMPLES =
  '`integrations.shop.source.password`, `destinations.cio.writeKey` or `destinations.cio.headers.X-Api-Key`';

/** What the field holds while its definition is checked: only a secret's field takes it. */
const STAND_IN = { secret: 'to-be-sealed' };

/**
 * What a secret of a `rowcast.yaml` is to be sealed for. The secret itself may still be missing there; what else its
 * definition says must be whole, since the host or the URL follows from it.
 *
 * @param place the secret's path in the file, such as `integrations.shop.source.password`.
 * @throws RowcastError definition_invalid for a place where no secret is, and for what is wrong with its definition.
 */
export function bindingInFile(place: string, file: FileText): Binding {
  const [, section, name, field] = /^(integrations|destinations|webhooks)\.([^.]+)\.(.+)$/s.exec(place) ?? [];
  if (section === undefined || name === undefined || field === undefined)
    throw invalid(`${JSON.stringify(place)} is no place of a secret; give one such as ${EXAMPLES}.`);
  const entry = readSections(file)[section as keyof typeof OWNERS][name];
  if (entry === undefined)
    throw invalid(
      `There is no ${section}.${name} in ${file.path}; write it there first, since a secret is sealed for its host or URL, too.`,
    );
  const input = { ...withStandIn(entry, stepsOf(field)), name };
  const prefix = [section, name];
  const owner = OWNERS[section as keyof typeof OWNERS](input, prefix);
  if (owner.ok) return { ...owner.value, field };
  if (owner.problems.some((problem) => problem.startsWith(`${place}: must `)))
    throw invalid(`${place} holds no secret; give the place of one, such as ${EXAMPLES}.`);
  throw invalidFile(file.path, owner.problems);
}

function sourceOwner(input: unknown, prefix: readonly string[]) {
  const read = check(IntegrationDefinition, input, { prefix, notSuggested: ['name'] });
  return read.ok ? { ok: true as const, value: ownerOfSource(read.value) } : read;
}

function destinationOwner(input: unknown, prefix: readonly string[]) {
  const read = check(DestinationDefinition, input, { prefix, notSuggested: ['name'] });
  return read.ok ? { ok: true as const, value: ownerOfDestination(read.value) } : read;
}

/** What it signs with may still be missing where its URL is sealed, and the other way round: neither is bound to the other. */
function webhookOwner(input: Record<string, unknown>, prefix: readonly string[]) {
  const written = Object.entries(input).filter(([, value]) => value !== null);
  const whole = { url: STAND_IN, signingSecret: STAND_IN, ...Object.fromEntries(written) };
  const place = { prefix, notSuggested: ['name'], secretFields: WEBHOOK_SECRET_FIELDS };
  const read = check(WebhookDefinition, whole, place);
  return read.ok ? { ok: true as const, value: ownerOfWebhook(read.value) } : read;
}

const OWNERS = {
  integrations: sourceOwner,
  destinations: destinationOwner,
  webhooks: webhookOwner,
} as const;

/** The name of a header may have dots of its own. */
function stepsOf(field: string): readonly string[] {
  const [, header] = /^headers\.(.+)$/s.exec(field) ?? [];
  return header === undefined ? field.split('.') : ['headers', header];
}

function withStandIn(within: unknown, [step, ...rest]: readonly string[]): Record<string, unknown> {
  const isMapping = within !== null && typeof within === 'object' && !Array.isArray(within);
  const fields = isMapping ? (within as Record<string, unknown>) : {};
  if (step === undefined) return STAND_IN;
  return { ...fields, [step]: rest.length === 0 ? STAND_IN : withStandIn(fields[step], rest) };
}

function invalid(message: string): RowcastError {
  return new RowcastError('definition_invalid', message);
}
