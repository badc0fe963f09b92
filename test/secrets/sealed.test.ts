import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRedactor } from '../../secrets/redact.ts';
import { isSealed } from '../../secrets/reference.ts';
import type { SealedText } from '../../secrets/reference.ts';
import { createSecrets } from '../../secrets/resolve.ts';
import { seal, unseal } from '../../secrets/sealed.ts';
import type { Binding } from '../../secrets/sealed.ts';

const BINDING: Binding = {
  kind: 'integration',
  name: 'shop',
  field: 'source.password',
  place: 'db.internal:5432',
};
const VALUE = 'pä$$ "w0rd"\nof two lines\n';
const REFUSED = { name: 'RowcastError', code: 'secret_refused' };

let identity: string;
let recipient: string;
let other: string;
let folder: string;
beforeAll(async () => {
  identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  other = await generateX25519Identity();
  folder = mkdtempSync(join(tmpdir(), 'rowcast-identities-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Text that is sealed to the recipient by somebody who does not use Rowcast for it. */
async function sealedElsewhere(content: string | Uint8Array): Promise<SealedText> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return `sealed:${Buffer.from(await encrypter.encrypt(content)).toString('base64url')}`;
}

describe('a sealed value', () => {
  test('is opened for what it was sealed for, exactly as it was', async () => {
    for (const value of [VALUE, 'x', ' ', '\n', '{"kind":"integration"}\n', 'k'.repeat(12_000)]) {
      const sealed = await seal(value, BINDING, recipient);
      expect(isSealed(sealed)).toBe(true);
      expect(await unseal(sealed, BINDING, [identity])).toBe(value);
    }
  });

  test('shows neither the value nor what it is for, and never looks the same twice', async () => {
    const sealed = await seal(VALUE, BINDING, recipient);
    const bytes = Buffer.from(sealed.slice('sealed:'.length), 'base64url');
    for (const text of [VALUE, 'two lines', 'shop', 'db.internal']) expect(bytes.includes(text)).toBe(false);
    expect(await seal(VALUE, BINDING, recipient)).not.toBe(sealed);
  });

  test.each<[string, Partial<Binding>]>([
    ['another host', { place: 'db.evil.example:5432' }],
    ['another port', { place: 'db.internal:5433' }],
    ['no host', { place: null }],
    ['another integration', { name: 'shop-2' }],
    ['another field', { field: 'source.passphrase' }],
    ['a destination of the same name', { kind: 'destination' }],
  ])('is refused for %s, in a sentence that names both', async (_what, differs) => {
    const sealed = await seal(VALUE, BINDING, recipient);
    const refusal = await unseal(sealed, { ...BINDING, ...differs }, [identity]).catch((e: unknown) => e);
    expect(refusal).toMatchObject(REFUSED);
    expect(String(refusal)).not.toContain('w0rd');
    expect(String(refusal)).toContain(
      'was sealed for `source.password` of the integration shop at db.internal:5432',
    );
  });

  test('says how to make it anew', async () => {
    const sealed = await seal(VALUE, { ...BINDING, place: 'old.internal:5432' }, recipient);
    await expect(unseal(sealed, BINDING, [identity])).rejects.toThrow(
      'The sealed value of `source.password` of the integration shop was sealed for `source.password` of the integration shop at old.internal:5432, and is not opened for `source.password` of the integration shop at db.internal:5432; seal it again with `rowcast seal integrations.shop.source.password`.',
    );
  });

  test('is refused where it was sealed for another recipient', async () => {
    const sealed = await seal(VALUE, BINDING, recipient);
    await expect(unseal(sealed, BINDING, [other])).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringMatching(/another recipient, or is not whole; seal it again/) as string,
    });
  });

  test('is refused as soon as any of its characters is another one', async () => {
    const sealed = await seal('value', BINDING, recipient);
    // The last character of base64 may hold bits that mean nothing.
    for (let at = 'sealed:'.length; at < sealed.length - 1; at += 7) {
      const changed = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`;
      const opening = unseal(changed as SealedText, BINDING, [identity]);
      await expect(opening, String(at)).rejects.toMatchObject(REFUSED);
    }
  });

  test('is refused where it was made without Rowcast, and so is bound to nothing', async () => {
    const bound = JSON.stringify(BINDING);
    for (const content of [
      '',
      'only-a-value',
      `\n${VALUE}`,
      `{}\n${VALUE}`,
      `null\n${VALUE}`,
      `[${bound}]\n`,
    ]) {
      const opening = unseal(await sealedElsewhere(content), BINDING, [identity]);
      await expect(opening, content).rejects.toMatchObject(REFUSED);
    }
    // Without the line feed there is no value; what stands there is not to be taken for one.
    await expect(unseal(await sealedElsewhere(bound), BINDING, [identity])).rejects.toMatchObject(REFUSED);
  });

  test('cannot be made of nothing, of what no definition holds, or for no recipient', async () => {
    const invalid = { name: 'RowcastError', code: 'definition_invalid' };
    await expect(seal('', BINDING, recipient)).rejects.toMatchObject(invalid);
    await expect(seal('k'.repeat(20_000), BINDING, recipient)).rejects.toMatchObject(invalid);
    for (const none of ['', 'age1', `${recipient}q`, recipient.slice(0, -1), identity]) {
      const refusal = await seal('value', BINDING, none).catch((error: unknown) => error);
      expect(refusal).toMatchObject(invalid);
      expect(String(refusal)).not.toContain(identity);
    }
  });
});

describe("the worker's identities", () => {
  const owner = { kind: 'integration', name: 'shop', place: 'db.internal:5432' } as const;

  /** What a worker with such an environment makes of a value that was sealed to `recipient`. */
  async function opened(env: NodeJS.ProcessEnv): Promise<string> {
    const secrets = createSecrets({ env, redactor: createRedactor() });
    return secrets.of(owner)(await seal(VALUE, BINDING, recipient), 'source.password');
  }
  const file = (content: string) => {
    const path = join(folder, `identity-${Math.random()}`);
    writeFileSync(path, content);
    return path;
  };

  test('are the lines of a file, or the variable itself, and whichever fits opens a value', async () => {
    const age = `# created: 2026-11-25T12:00:00Z\n# public key: age1…\n`;
    const files = [identity, `${age}${identity}\n`, `${age}${other}\r\n\n${age}${identity}\r\n`];
    const variables = [identity, `${other} ${identity}`, ` ${other},${identity}\n`, `${age}${identity}\n`];
    for (const given of [...files.map(file), ...variables]) {
      expect(await opened({ ROWCAST_IDENTITY: given })).toBe(VALUE);
    }
  });

  test('can be rotated in their file under a running worker', async () => {
    const path = file(other);
    const secrets = createSecrets({ env: { ROWCAST_IDENTITY: path }, redactor: createRedactor() });
    const sealed = await seal(VALUE, BINDING, recipient);
    await expect(secrets.of(owner)(sealed, 'source.password')).rejects.toMatchObject(REFUSED);
    writeFileSync(path, `${other}\n${identity}\n`);
    expect(await secrets.of(owner)(sealed, 'source.password')).toBe(VALUE);
  });

  test('that are not there are asked for', async () => {
    for (const env of [{}, { ROWCAST_IDENTITY: '' }, { ROWCAST_IDENTITY: ' ' }]) {
      await expect(opened(env)).rejects.toMatchObject({
        code: 'secret_missing',
        message:
          'The worker has no identity, and so cannot open what is sealed; set ROWCAST_IDENTITY to the file that `rowcast identity new` made, and restart the worker.',
      });
    }
  });

  test('that are none are refused in a sentence that shows nothing of them', async () => {
    const short = identity.slice(0, -1);
    const wrong = [
      [short, 'holds something that is no identity'],
      [identity.replace('KEY-1', 'KEY-2'), 'holds something that is no identity'],
      [`${identity} ${short}`, 'holds something that is no identity'],
      [file(`${identity}\nhunter2\n`), 'holds something that is no identity'],
      [file('# nothing\n'), 'holds no identity'],
      [join(folder, 'nowhere'), 'is a file that cannot be read (ENOENT)'],
      [folder, 'is a file that cannot be read (EISDIR)'],
    ] as const;
    for (const [given, words] of wrong) {
      const refusal = await opened({ ROWCAST_IDENTITY: given }).catch((error: unknown) => error);
      expect(refusal, words).toMatchObject({ code: 'secret_missing' });
      expect(String(refusal)).toContain(`ROWCAST_IDENTITY ${words}`);
      expect(String(refusal)).not.toMatch(/AGE-SECRET-KEY-1[^…]|hunter2/);
    }
  });

  test('seal what the worker itself has made, for which no host is known yet; the first of them, since it is the newest', async () => {
    const redactor = createRedactor();
    const key = { kind: 'integration', name: 'shop', place: null } as const;
    const secrets = createSecrets({ env: { ROWCAST_IDENTITY: `${identity} ${other}` }, redactor });
    const sealed = await secrets.seal('private-key-of-shop', { ...key, field: 'tunnel.key' });
    expect(await secrets.of(key)(sealed, 'tunnel.key')).toBe('private-key-of-shop');
    expect(await unseal(sealed, { ...key, field: 'tunnel.key' }, [identity])).toBe('private-key-of-shop');
    expect(redactor.redact('not private-key-of-shop')).toBe('not [secret]');
    await expect(secrets.of(owner)(sealed, 'tunnel.key')).rejects.toMatchObject(REFUSED);
  });

  test('open values that are then taken out of every text', async () => {
    const redactor = createRedactor();
    const secrets = createSecrets({ env: { ROWCAST_IDENTITY: identity }, redactor });
    await secrets.of(owner)(await seal('opened-value', BINDING, recipient), 'source.password');
    expect(redactor.redact('no entry for opened-value')).toBe('no entry for [secret]');
  });
});
