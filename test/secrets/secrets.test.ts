import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRedactor } from '../../secrets/redact.ts';
import { SecretReference } from '../../secrets/reference.ts';
import { createSecrets } from '../../secrets/resolve.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowcast-secrets-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function secretsWith(env: NodeJS.ProcessEnv, from: string | undefined = folder) {
  const redactor = createRedactor();
  const secrets = createSecrets({ env: { ...env, ROWCAST_SECRETS_DIR: from }, redactor });
  const resolve = secrets.of({ kind: 'integration', name: 'shop', place: 'db.internal:5432' });
  return { redactor, resolve: (named: { readonly secret: string }) => resolve(named, 'source.password') };
}

describe('where a secret comes from', () => {
  test('shop-password is ROWCAST_SECRET_SHOP_PASSWORD', async () => {
    const { resolve } = secretsWith({ ROWCAST_SECRET_SHOP_PASSWORD: 's3cret words' });
    await expect(resolve({ secret: 'shop-password' })).resolves.toBe('s3cret words');
  });

  test('shop-password is the file shop-password of the secrets folder, without its last line feed', async () => {
    const { resolve } = secretsWith({});
    writeFileSync(join(folder, 'shop-password'), 'from a file \n');
    await expect(resolve({ secret: 'shop-password' })).resolves.toBe('from a file ');
    writeFileSync(join(folder, 'shop-password'), 'of Windows\r\n');
    await expect(resolve({ secret: 'shop-password' })).resolves.toBe('of Windows');
  });

  test('a secret of several lines keeps its lines', async () => {
    const { resolve } = secretsWith({});
    writeFileSync(join(folder, 'private-key'), 'one\ntwo\n\n');
    await expect(resolve({ secret: 'private-key' })).resolves.toBe('one\ntwo\n');
  });

  test('the environment wins over the file', async () => {
    const { resolve } = secretsWith({ ROWCAST_SECRET_KEY: 'environment' });
    writeFileSync(join(folder, 'key'), 'file');
    await expect(resolve({ secret: 'key' })).resolves.toBe('environment');
  });

  test('an empty variable, as container tools leave it, hides no file', async () => {
    const { resolve } = secretsWith({ ROWCAST_SECRET_KEY: '' });
    writeFileSync(join(folder, 'key'), 'file');
    await expect(resolve({ secret: 'key' })).resolves.toBe('file');
  });

  test('a secret that changes in its file is read anew', async () => {
    const { resolve } = secretsWith({});
    writeFileSync(join(folder, 'key'), 'before');
    await expect(resolve({ secret: 'key' })).resolves.toBe('before');
    writeFileSync(join(folder, 'key'), 'after');
    await expect(resolve({ secret: 'key' })).resolves.toBe('after');
  });

  test('no other variable of the worker can be named', async () => {
    const env = { PATH: '/bin', HOME: '/root', SHOP_PASSWORD: 'x', path: 'y' };
    const { resolve } = secretsWith(env, '/etc');
    for (const secret of ['path', 'home', 'shop-password', 'rowcast-secrets-dir', 's-dir']) {
      await expect(resolve({ secret })).rejects.toMatchObject({ code: 'secret_missing' });
    }
  });
});

describe('a secret that is not there', () => {
  test('is named with both places where it may be put', async () => {
    const { resolve } = secretsWith({});
    await expect(resolve({ secret: 'shop-password' })).rejects.toMatchObject({
      name: 'RowcastError',
      code: 'secret_missing',
      message:
        'The secret shop-password is missing on the worker; set ROWCAST_SECRET_SHOP_PASSWORD, or put it into the file shop-password in the folder ROWCAST_SECRETS_DIR, and restart the worker.',
    });
  });

  test('is missing too where there is no secrets folder, or the folder does not exist', async () => {
    for (const place of [undefined, join(folder, 'nowhere')]) {
      const { resolve } = secretsWith({}, place);
      await expect(resolve({ secret: 'key' })).rejects.toMatchObject({ code: 'secret_missing' });
    }
  });

  test('is missing where its file is empty or holds only a line feed', async () => {
    const { resolve } = secretsWith({});
    for (const content of ['', '\n']) {
      writeFileSync(join(folder, 'key'), content);
      await expect(resolve({ secret: 'key' })).rejects.toMatchObject({
        code: 'secret_missing',
        message: expect.stringMatching(/ROWCAST_SECRET_KEY.*ROWCAST_SECRETS_DIR/s) as string,
      });
    }
  });

  test('says why where its file cannot be read', async () => {
    const { resolve } = secretsWith({});
    mkdirSync(join(folder, 'key'));
    await expect(resolve({ secret: 'key' })).rejects.toMatchObject({
      code: 'secret_missing',
      message: expect.stringMatching(/The file of the secret key cannot be read.*EISDIR/s) as string,
    });
  });
});

describe('a reference', () => {
  test('is the name of a secret', () => {
    expect(SecretReference.parse({ secret: 'shop-password-2' })).toEqual({ secret: 'shop-password-2' });
    expect(SecretReference.safeParse({ secret: 'a'.repeat(60) }).success).toBe(true);
  });

  test('cannot leave the secrets folder, nor name anything else', () => {
    const names = [
      '../etc/passwd',
      '/etc/passwd',
      '..',
      '.',
      'a/b',
      'a\\b',
      'A',
      'a_b',
      'ä',
      '',
      'a\n',
      'a\0',
    ];
    for (const secret of [...names, 'a'.repeat(61)]) {
      expect(SecretReference.safeParse({ secret }).success, JSON.stringify(secret)).toBe(false);
    }
  });

  test('is refused where it is a literal secret, which is not echoed', () => {
    for (const literal of ['hunter2-literal', { secret: 'Hunter2 Literal!' }, { value: 'hunter2-literal' }]) {
      const parsed = SecretReference.safeParse(literal);
      expect(parsed.success).toBe(false);
      expect(JSON.stringify(parsed.error)).not.toMatch(/hunter2/i);
    }
  });
});

describe('a secret that was resolved', () => {
  const secret = 'pä$$ w0rd/"ü"\\+xy>?>';
  const forms: Record<string, string> = {
    plain: secret,
    'in base64': Buffer.from(secret).toString('base64'),
    'in base64 without padding': Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    'in base64 for URLs': Buffer.from(secret).toString('base64url'),
    'as the user of Basic': Buffer.from(`${secret}:`).toString('base64'),
    'encoded for a URL': encodeURIComponent(secret),
    'encoded for a form': new URLSearchParams({ secret }).toString().slice('secret='.length),
    'in a JSON text': JSON.stringify({ secret }).slice(11, -2),
  };

  for (const [form, text] of Object.entries(forms)) {
    test(`is redacted ${form}`, async () => {
      const { redactor, resolve } = secretsWith({ ROWCAST_SECRET_KEY: secret });
      await resolve({ secret: 'key' });
      const shown = redactor.redact(`before ${text} after, ${text}`);
      expect(shown).toBe('before [secret] after, [secret]');
    });
  }

  test('is redacted in the address of a URL as a server would echo it, in either case of its digits', async () => {
    const { redactor, resolve } = secretsWith({ ROWCAST_SECRET_KEY: 'a b/c?d' });
    await resolve({ secret: 'key' });
    expect(redactor.redact('https://a%20b%2fc%3fd@host')).toBe('https://[secret]@host');
  });

  test('is redacted in its one secret part where it is the key of a service account', () => {
    const redactor = createRedactor();
    const key = { client_email: 'rowcast@example.com', private_key: '-----BEGIN KEY-----\nhunter2\n' };
    redactor.remember(JSON.stringify(key, null, 2));
    const echoed = `rowcast@example.com: ${key.private_key}, ${JSON.stringify(key.private_key)}`;
    expect(redactor.redact(echoed)).toBe('rowcast@example.com: [secret], "[secret]"');
  });

  test('is redacted whole where another secret is its beginning', () => {
    const redactor = createRedactor();
    redactor.remember('pass');
    redactor.remember('password-long');
    expect(redactor.redact('password-long and pass')).toBe('[secret] and [secret]');
  });

  test('is redacted where only what stands behind its scheme is echoed', () => {
    const redactor = createRedactor();
    redactor.remember('Bearer tok+9f3c/7d');
    expect(redactor.redact('tok+9f3c/7d, tok%2B9f3c%2F7d: a Bearer token is expected')).toBe(
      '[secret], [secret]: a Bearer token is expected',
    );
  });

  test('takes ordinary words apart only where it is at least four characters long', () => {
    const redactor = createRedactor();
    redactor.remember('a');
    redactor.remember('');
    expect(redactor.redact('a table of data')).toBe('a table of data');
  });

  test('leaves a text without secrets as it is', () => {
    const redactor = createRedactor();
    redactor.remember('hunter2');
    expect(redactor.redact('nothing $& here')).toBe('nothing $& here');
  });
});
