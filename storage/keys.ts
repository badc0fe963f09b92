import { IDENTITY_KEY } from './identity.ts';

const KEY = /^[A-Za-z0-9._=-]+(?:\/[A-Za-z0-9._=-]+)*$/;

/** Whether a text is the key of an object, or of a folder of them, and none of the storage's own. */
export function isKey(text: string): boolean {
  const segments = text.split('/');
  return (
    KEY.test(text) &&
    segments[0] !== IDENTITY_KEY &&
    !segments.some((segment) => segment === '.' || segment === '..')
  );
}

/** @throws Error, since only a bug asks for anything else. */
export function mustBeKey(text: string): void {
  if (!isKey(text)) throw notAKey(text);
}

export function notAKey(text: string): Error {
  return new Error(`not a storage key: ${JSON.stringify(text)}`);
}
