import { readFile } from 'node:fs/promises';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { RowcastError } from '../errors.ts';

/** Whatever holds this is no path, and is never shown. */
const IDENTITY = /AGE-SECRET-KEY-/i;

/** What opens sealed values, and what they are sealed for. */
export interface IdentityPair {
  /** The file of the identity, as age makes it too. */
  readonly file: string;
  readonly recipient: string;
}

export async function newIdentity(): Promise<IdentityPair> {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const created = new Date().toISOString();
  return { file: `# created: ${created}\n# public key: ${recipient}\n${identity}\n`, recipient };
}

/** At least one. */
export type Identities = readonly [string, ...string[]];

/**
 * The worker's identities, of `ROWCAST_IDENTITY`: a file as `rowcast identity new` and age make it, or the
 * `AGE-SECRET-KEY-1…` itself. Several, while they are rotated, stand on lines of their own (in the variable, with
 * spaces between them). A file is read anew each time, so that it can change under a running worker.
 *
 * @returns null where the variable is not set, or empty.
 * @throws RowcastError secret_missing for a file that cannot be read, or holds anything else; nothing of it is shown.
 */
export async function readIdentities(env: NodeJS.ProcessEnv): Promise<Identities | null> {
  const given = env['ROWCAST_IDENTITY']?.trim() ?? '';
  if (given === '') return null;
  const [first, ...others] = identitiesIn(IDENTITY.test(given) ? given : await readIdentityFile(given));
  if (first === undefined) throw unusable('holds no identity');
  for (const identity of [first, ...others]) {
    await identityToRecipient(identity).catch(() => {
      throw unusable('holds something that is no identity, or not a whole one');
    });
  }
  return [first, ...others];
}

/** The same, for a value that was sealed. @throws RowcastError secret_missing where there is no identity. */
export async function requireIdentities(env: NodeJS.ProcessEnv): Promise<Identities> {
  const identities = await readIdentities(env);
  if (identities !== null) return identities;
  throw new RowcastError(
    'secret_missing',
    'The worker has no identity, and so cannot open what is sealed; set ROWCAST_IDENTITY to the file that `rowcast identity new` made, and restart the worker.',
  );
}

function identitiesIn(text: string): string[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  return lines.flatMap((line) => line.split(/[\s,]+/)).filter((word) => word !== '');
}

async function readIdentityFile(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw unusable(`is a file that cannot be read (${reasonOf(error)})`);
  });
}

/** The system's word for it, such as ENOENT. */
function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

function unusable(what: string): RowcastError {
  return new RowcastError(
    'secret_missing',
    `ROWCAST_IDENTITY ${what}; set it to the file that \`rowcast identity new\` made, or to its line \`AGE-SECRET-KEY-1…\`.`,
  );
}
