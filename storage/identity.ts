import { ulid } from 'ulid';
import { z } from 'zod';

/** The object that makes a folder or a bucket a storage: it holds what tells it from others. */
export const IDENTITY_KEY = 'storage.json';

const IdentityFile = z.object({ version: z.literal(1), id: z.string().min(1) });

/** The content for a storage that is new. */
export function newIdentityFile(): Buffer {
  return Buffer.from(`${JSON.stringify({ version: 1, id: ulid() })}\n`);
}

/** The id in such a content. @throws Error where it is damaged, or of another version of Rowcast. */
export function idIn(content: string): string {
  return IdentityFile.parse(JSON.parse(content)).id;
}
