import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { generateKeyPair } from '../../tunnel/key.ts';

test('every key that is made can be read again, also the one in 256 that begins with a zero byte', () => {
  const parts = Array.from({ length: 1_500 }, () => {
    const { publicKey, privateKey } = generateKeyPair('rowcast integration shop');
    const [kind = '', bytes = '', ...comment] = publicKey.split(' ');
    const isReadable = !(ssh2.utils.parseKey(privateKey) instanceof Error);
    return [kind, Buffer.from(bytes, 'base64').length, comment.join(' '), isReadable].join(', ');
  });
  expect([...new Set(parts)]).toEqual(['ssh-ed25519, 51, rowcast integration shop, true']);
});
