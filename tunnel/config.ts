import { z } from 'zod';

const HOST_KEY_WORDS =
  'must be the fingerprint of the SSH server\'s host key, such as "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"';

const text = (example: string) => z.string({ error: `must be text, such as "${example}"` });

/** An SSH server that forwards to the database. Rowcast makes the key with which it signs in there. */
export const TunnelConfig = z.strictObject({
  host: text('bastion.example.com').regex(
    /^[^\s/@]+$/,
    'must be a host alone, such as "bastion.example.com"; port and user have fields of their own',
  ),
  port: z
    .int('must be a whole number')
    .min(1, 'must be from 1 to 65535')
    .max(65_535, 'must be from 1 to 65535')
    .default(22),
  user: text('rowcast').min(1, 'is empty; give one such as "rowcast"'),
  /** The server is known by it, and nothing is sent to another. Absent: the one that was saved, once it was accepted. */
  hostKey: z
    .string(HOST_KEY_WORDS)
    .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, HOST_KEY_WORDS)
    .optional(),
});
export type TunnelConfig = z.output<typeof TunnelConfig>;
