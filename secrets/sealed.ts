import { Decrypter, Encrypter } from 'age-encryption';
import { z } from 'zod';
import { RowcastError } from '../errors.ts';
import { isSealed } from './reference.ts';
import type { SealedText } from './reference.ts';

/** Whose secrets they are, and where they are sent. */
export interface SecretOwner {
  readonly kind: 'integration' | 'destination' | 'webhook';
  readonly name: string;
  /** The host or the URL that is shown the secret; null for one that no other machine ever sees, such as a private key. */
  readonly place: string | null;
}

/** What a value is sealed for. Who copies it to anywhere else, a host of their own say, cannot have it opened there. */
export interface Binding extends SecretOwner {
  /** Its path in the definition, such as `source.password`. */
  readonly field: string;
}

const PREFIX = 'sealed:';

/**
 * Seals a value for one field of one definition, so that only the workers whose identity belongs to the recipient can
 * open it, and only for that. What it is bound to stands inside of the encryption, before the value: neither can be
 * changed without the other.
 *
 * @param recipient `age1…`
 * @throws RowcastError definition_invalid for what is no recipient, and a value that is empty or too long.
 */
export async function seal(value: string, binding: Binding, recipient: string): Promise<SealedText> {
  if (value === '') throw invalid('The value to seal is empty; give one.');
  const encrypter = new Encrypter();
  try {
    encrypter.addRecipient(recipient);
  } catch {
    throw invalid('The recipient is none; give the whole `age1…` that `rowcast identity new` printed.');
  }
  const { kind, name, field, place } = binding;
  const content = `${JSON.stringify({ kind, name, field, place })}\n${value}`;
  const sealed = `${PREFIX}${Buffer.from(await encrypter.encrypt(content)).toString('base64url')}`;
  if (isSealed(sealed)) return sealed;
  throw invalid(
    `The value to seal has ${Buffer.byteLength(value)} bytes, which is too long for a definition; put it into a file of ROWCAST_SECRETS_DIR on the worker, and name it as in \`{ secret: shop-password }\`.`,
  );
}

/**
 * Opens a sealed value.
 *
 * @param binding what it is about to be used for.
 * @param identities `AGE-SECRET-KEY-1…`; whichever fits is taken.
 * @throws RowcastError secret_refused where it was sealed for something else, or to nobody of these.
 */
export async function unseal(
  sealed: SealedText,
  binding: Binding,
  identities: readonly string[],
): Promise<string> {
  const content = await decrypted(sealed, identities).catch((error: unknown) => {
    const words = `${whatIsBound(binding)} cannot be opened with the worker's identity: it was sealed for another recipient, or is not whole; ${again(binding)}.`;
    throw new RowcastError('secret_refused', words, { cause: error });
  });
  const end = content.indexOf('\n');
  const boundTo = readBinding(content.slice(0, end));
  if (sameBinding(boundTo, binding)) return content.slice(end + 1);
  throw new RowcastError(
    'secret_refused',
    `${whatIsBound(binding)} was sealed for ${bindingWords(boundTo)}, and is not opened for ${bindingWords(binding)}; ${again(binding)}.`,
  );
}

async function decrypted(sealed: SealedText, identities: readonly string[]): Promise<string> {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  return decrypter.decrypt(Buffer.from(sealed.slice(PREFIX.length), 'base64url'), 'text');
}

const StoredBinding = z.object({
  kind: z.enum(['integration', 'destination', 'webhook']),
  name: z.string(),
  field: z.string(),
  place: z.string().nullable(),
});

/** Anybody can seal with a recipient, by other means too; null for what is no binding. */
function readBinding(line: string): Binding | null {
  try {
    return StoredBinding.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

function sameBinding(one: Binding | null, other: Binding): boolean {
  return (
    one?.kind === other.kind &&
    one.name === other.name &&
    one.field === other.field &&
    one.place === other.place
  );
}

const whatIsBound = ({ kind, name, field }: Binding) =>
  `The sealed value of \`${field}\` of the ${kind} ${name}`;

function bindingWords(binding: Binding | null): string {
  if (binding === null) return 'nothing that Rowcast knows';
  const { kind, name, field, place } = binding;
  return `\`${field}\` of the ${kind} ${name}${place === null ? '' : ` at ${place}`}`;
}

const again = ({ kind, name, field }: Binding) =>
  `seal it again with \`rowcast seal ${kind}s.${name}.${field}\``;

function invalid(message: string): RowcastError {
  return new RowcastError('definition_invalid', message);
}
